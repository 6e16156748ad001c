"""What the edge costs a request: trust, CORS, compression, a tag, and one too many. CPU time of one process, the best
of seven rounds, since other work on the machine can only add."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import orjson

from app.audit.tally import Tally
from app.edge.cors import Cors
from app.edge.edge import Edge
from app.edge.settings import read_edge
from app.http.coding import _coded
from app.http.crowd import Crowd
from app.http.exchange import Exchange
from app.http.fresh import kept
from app.metrics.metrics import Metrics
from app.metrics.sheet import sheets
from resolvers.operation import Answer
from schema.caller import Caller

_ROUNDS, _REQUESTS = 7, 20_000
_HEADERS = [
    (b"host", b"data.example"),
    (b"authorization", b"Bearer " + b"x" * 600),
    (b"content-type", b"application/json"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"origin", b"https://app.example"),
    (b"x-request-id", b"0123456789abcdef"),
    (b"x-forwarded-for", b"192.0.2.7"),
    (b"x-forwarded-proto", b"https"),
    (b"x-envoy-expected-rq-timeout-ms", b"15000"),
]


def main() -> None:
    body = orjson.dumps({"data": {"rows": [{"id": at, "name": f"thing {at}", "at": "2013-01-01"} for at in range(40)]}})
    crowd = Crowd(1, Metrics(sheets(1)[0]), "internal")
    readable = Crowd(1, Metrics(sheets(1)[0]), "internal", Cors(frozenset({"https://app.example"})))
    audited = Crowd(1, Metrics(sheets(1)[0]), "internal", None, Tally("internal", lambda told: None))
    caller = Caller("s", "i", "internal", {}, expires=time.time() + 600, digest="0" * 64)
    get = _exchange("GET")
    print("| | us CPU |\n|---|--:|")
    works: dict[str, Callable[[], object]] = {
        "an exchange, nothing set": lambda: _exchange(),
        "the same, from a trusted peer": _entering("127.0.0.1/32"),
        "the same, from a stranger": _entering("10.0.0.0/8"),
        "the same, with CORS": _entering("", "https://app.example"),
        f"{len(body)} bytes in zstd": lambda: _coded(body, "zstd"),
        f"{len(body)} bytes in gzip": lambda: _coded(body, "gzip"),
        "a tag": lambda: kept(get, Answer(body, fresh=9.0), caller, b"key"),
        "one too many, without the socket": lambda: crowd.turned_away("POST", b"/graphql", _HEADERS),
        "one too many, of a listed page": lambda: readable.turned_away("POST", b"/graphql", _HEADERS),
        "one too many, with an audit trail": lambda: audited.turned_away("POST", b"/graphql", _HEADERS),
    }

    async def measured() -> None:  # on a loop, where a tally has its timer
        for name, work in works.items():
            print(f"| {name} | {_best(work):.1f} |")

    asyncio.run(measured())


def _exchange(method: str = "POST") -> Exchange:
    scope: dict[str, Any] = {"method": method, "query_string": b"", "headers": _HEADERS, "path": "/graphql"}
    return Exchange(scope, cast(Any, None), cast(Any, None), 30)


def _entering(trusted: str, origins: str = "") -> Callable[[], object]:
    edge = Edge(read_edge({"CUSTOMHOUSE_TRUSTED_PROXIES": trusted, "CUSTOMHOUSE_CORS_ORIGINS": origins}))
    scope: dict[str, Any] = {"path": "/graphql", "client": ("127.0.0.1", 4711)}
    return lambda: edge.enter(_exchange(), scope)


def _best(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_REQUESTS):
            work()
        best = min(best, (time.process_time() - began) / _REQUESTS * 1e6)
    return best
