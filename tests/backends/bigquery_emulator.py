"""The emulator, in an environment of its own, with the suite's tables; and a proxy before it that records calls."""

from __future__ import annotations

import atexit
import functools
import itertools
import json
import tempfile
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

from sqlglot import exp, parse_one

from tests.backends.bigquery_stand_in import Call
from tests.backends.engines import BIGQUERY, bigquery_rows
from tests.keyed_http.parts import part, ports

PARTS = Path(__file__).parent / "parts"
_NAMES = itertools.count(1)


@contextmanager
def emulator(folder: Path) -> Iterator[tuple[str, str]]:
    """Its addresses, for REST and for gRPC. Skips where it cannot be installed."""
    made = part("bqemulator", PARTS / "bqemulator.txt")
    http, grpc = ports(2)
    address = f"http://127.0.0.1:{http}"
    with made.serving(f"{address}/healthz", folder, "python", str(PARTS / "bqemulator.py"), str(http), str(grpc)):
        yield address, f"127.0.0.1:{grpc}"


def fill(address: str, dataset: str, statements: list[str]) -> None:
    """Make a dataset and run statements in it, which name its tables alone."""
    _post(address, "datasets", {"datasetReference": {"projectId": "acme", "datasetId": dataset}})
    for statement in statements:
        named = statement.replace("INSERT INTO ", f"INSERT INTO {dataset}.")  # it knows no default dataset here
        said = _post(address, "queries", {"query": named, "useLegacySql": False})
        assert not said.get("errors"), (statement, said)


@functools.cache
def _shared() -> str:
    """One emulator for all that only wants a dataset, until this process ends."""
    started = ExitStack()
    atexit.register(started.close)
    folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="customhouse-bigquery-")))
    return started.enter_context(emulator(folder))[0]


def dataset(statements: Iterable[str]) -> str:
    """The URL of a fresh dataset, filled by PostgreSQL's SQL."""
    address, name = _shared(), f"d{next(_NAMES)}"
    translated = [parse_one(statement, dialect="postgres") for statement in statements]
    for statement in translated:
        if isinstance(statement, exp.Create):
            for table in statement.find_all(exp.Table):
                table.set("db", exp.to_identifier(name))
    fill(address, name, [statement.sql("bigquery") for statement in translated])
    return f"bigquery://acme/{name}?endpoint={address}"


def facts(address: str) -> None:
    """The suite's tables. By the API, since the emulator's SQL takes no comments."""
    fill(address, "facts", [])
    for name, (about, fields) in BIGQUERY.items():
        table = {
            "tableReference": {"projectId": "acme", "datasetId": "facts", "tableId": name},
            "schema": {"fields": fields},
            "description": about,
        }
        _post(address, "datasets/facts/tables", table)
    fill(address, "facts", bigquery_rows())


def _post(address: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    url = f"{address}/bigquery/v2/projects/acme/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            found: dict[str, Any] = json.load(response)
            return found
    except HTTPError as error:
        if error.code == 409:
            return {}
        raise


@contextmanager
def recorded(address: str, destination: str | None = None) -> Iterator[tuple[str, list[Call]]]:
    """An address before another, and the calls that passed through it. ``destination``: the table of the suite that
    jobs are said to have their answers in, since the emulator gives no rows of the table that it names itself."""
    calls: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet: else each answer waits for the one before to be known

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _do(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            calls.append(Call(self.command, parts.path, query, json.loads(sent or b"{}")))
            headers = {"content-type": "application/json"}
            request = urllib.request.Request(address + self.path, sent or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    status, text = response.status, response.read()
            except HTTPError as error:
                status, text = error.code, error.read()
            if destination is not None and "/jobs/" in parts.path:
                found = json.loads(text)
                found["configuration"]["query"]["destinationTable"].update(datasetId="facts", tableId=destination)
                text = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _do

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
