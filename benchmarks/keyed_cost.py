"""What a look-up by key costs this process in CPU: Redis hashes (a Valkey), and DynamoDB over botocore in threads
beside raw HTTP signed with botocore's SigV4Auth.

The raw way stands in for ours under the same back end, so that keys, rows and values cost the same; it refreshes
no credentials, validates nothing and reads no errors. DynamoDB is a stand-in (benchmarks/keyed_stand.py),
in a process of its own. CPU time of this process, the best of the rounds, since other work on the machine can only add.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.place import Missing
from benchmarks.processes import Server, free_port, running
from benchmarks.valkey import valkey
from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.dynamodb import DynamoDB
from resolvers.backends.keyed.keyed import Call, Keyed
from resolvers.backends.keyed.redis import Redis
from schema.catalog import Column, FeatureView, Place, Product, Source
from schema.types import FLOAT, STRING

_ROUNDS, _AT_ONCE = 5, 8
_CALLS = {1: 400, 100: 80}
_FEATURES = tuple(f"f{at}" for at in range(5))
_REGION = "eu-west-1"
_HERE = Place("benchmark")


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    print("| CPU of a call, us | keys | one at a time | eight at once | a key |\n|---|--:|--:|--:|--:|")
    with valkey() as url:
        _fill(url)
        await _measure("Redis hashes", Redis(_source("redis"), url))
    _nobody()
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.keyed_stand", str(port))
    with running(Server("dynamodb", port, command)):
        url = f"http://127.0.0.1:{port}"
        await _measure("DynamoDB, botocore in threads", DynamoDB(_source("dynamodb"), url))
        raw = DynamoDB(_source("dynamodb"), url)
        await raw._aws.close()
        signed = _Signed(url)
        raw._aws = signed  # type: ignore[assignment]
        await _measure("DynamoDB, raw signed HTTP", raw)


async def _measure(name: str, backend: Keyed) -> None:
    for keys in _CALLS:
        alone, together = [await _best(backend, keys, at_once) for at_once in (1, _AT_ONCE)]
        print(f"| {name} | {keys} | {alone:.0f} | {together:.0f} | {together / keys:.1f} |")
    await backend.close()


async def _best(backend: Keyed, count: int, at_once: int) -> float:
    """Microseconds of CPU for one call."""
    product, keys = _product(), [(f"E{at}", "IAH") for at in range(count)]

    async def ask(times: int) -> None:
        for _ in range(times):
            rows = await backend.find(product, keys, _FEATURES, Call(Deadline.after(60)))
            if any(row is None or row["f4"] != 4.25 for row in rows):
                raise SystemExit("a row is missing or wrong")

    await ask(20)
    best, calls = float("inf"), _CALLS[count] // at_once
    for _ in range(_ROUNDS):
        began = time.process_time()
        await asyncio.gather(*(ask(calls) for _ in range(at_once)))
        best = min(best, (time.process_time() - began) / (calls * at_once) * 1e6)
    return best


class _Signed:
    """Stands in for `resolvers.backends.keyed.aws.Aws`."""

    def __init__(self, url: str) -> None:
        try:
            import aiohttp
        except ImportError:
            raise Missing("The raw way needs aiohttp: .venv/bin/python -m pip install aiohttp") from None
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._url = url
        self._auth = SigV4Auth(Credentials("testing", "testing"), "dynamodb", _REGION)

    async def call(self, service: str, operation: str, arguments: Mapping[str, object], call: Call) -> Any:
        headers = {"X-Amz-Target": "DynamoDB_20120810.BatchGetItem", "Content-Type": "application/x-amz-json-1.0"}
        body = json.dumps(arguments).encode()
        request = AWSRequest("POST", self._url, headers, body)
        self._auth.add_auth(request)
        async with asyncio.timeout(call.deadline.left()):
            async with self._session.post(self._url, data=body, headers=dict(request.headers)) as answer:
                return json.loads(await answer.read())

    async def close(self) -> None:
        await self._session.close()


def _product() -> Product:
    types = {"origin": STRING, "dest": STRING, **dict.fromkeys(_FEATURES, FLOAT)}
    columns = {name: Column(name, type_, _HERE, name, name) for name, type_ in types.items()}
    return Product(
        "d.routes", "d", "routes", "s", ("origin", "dest"), columns, {}, _HERE, "Route", "route", "routes",
        physical=("routes",), features=FeatureView(),
    )  # fmt: skip


def _source(kind: Any) -> Source:
    return Source("s", kind, "", _HERE, location=None if kind == "redis" else _REGION)


def _nobody() -> None:
    """Credentials of nobody, so that this machine's are not looked for."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", NO_PROXY="*")


def _fill(url: str) -> None:
    """A hundred routes."""
    from redis import Redis as Client

    with Client.from_url(url) as client:
        for at in range(100):
            fields = {name: f"{value}.25" for value, name in enumerate(_FEATURES)}
            client.hset(f"routes:E{at}:IAH", mapping=fields)  # type: ignore[arg-type]
