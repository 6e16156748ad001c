"""A stand-in for BigQuery's REST API: the few calls that the back end makes, each of them recorded.

It is our reading of the API's reference, so it proves the client's side only: what is asked, in which order, and what
becomes of answers and failures.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = Mapping[str, Any]
INTEGER: Json = {"name": "i", "type": "INTEGER"}


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    body: Json


@dataclass
class House:
    """What the next jobs do. ``pages`` are rows of cells; ``wrong`` answers are given first, to whatever is asked, each
    a status and a reason, or None for a connection that breaks after the call was heard; ``slow`` jobs end only when
    they are cancelled."""

    fields: Sequence[Json] = ()
    pages: Sequence[Sequence[Sequence[object]]] = ((),)
    wrong: list[tuple[int, str] | None] = field(default_factory=list)
    failing: tuple[int, str] | None = None
    slow: bool = False
    bytes: int = 0
    destination: Json | None = None
    tables: Mapping[str, Json] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    closing: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    sentence: str = "Bad int64 value: CANARY-7f3a"

    def of(self, method: str, path: str) -> list[Call]:
        """The calls by their method and the end of their path."""
        return [call for call in self.calls if call.method == method and re.search(path + "$", call.path)]

    def answer(self, call: Call) -> tuple[int, Json] | None:
        self.calls.append(call)
        if call.path.endswith("/cancel"):
            with self.changed:
                self.cancelled.add(call.path.split("/")[-2])
                self.changed.notify_all()
            return 200, {"job": {}}
        if self.wrong:
            wrong = self.wrong.pop(0)
            if wrong is None:
                self._begin(call)
                return None
            return self._error(*wrong)
        if call.method == "POST":
            return self._begin(call)
        if "/queries/" in call.path:
            return self._page(call)
        if "/jobs/" in call.path:
            table = {} if self.destination is None else {"destinationTable": self.destination}
            return 200, {"configuration": {"query": table}}
        name = call.path.rpartition("/")[2]
        if name == "tables":
            return 200, {"tables": [{"tableReference": {"tableId": name}} for name in self.tables]}
        return 200, {"tableReference": {"tableId": name}, **self.tables[name]}

    def _begin(self, call: Call) -> tuple[int, Json]:
        if call.body["configuration"].get("dryRun"):
            return 200, {"statistics": {"totalBytesProcessed": str(self.bytes)}}
        name = call.body["jobReference"]["jobId"]
        if name in self.jobs:
            return self._error(409, "duplicate")
        self.jobs.add(name)
        return 200, {"jobReference": call.body["jobReference"], "status": {"state": "RUNNING"}}

    def _page(self, call: Call) -> tuple[int, Json]:
        if self.slow:
            return self._slowly(call.path.rpartition("/")[2], int(call.query["timeoutMs"]) / 1000)
        if self.failing is not None:
            return self._error(*self.failing)
        at = int(call.query.get("pageToken", "0"))
        rows = [{"f": [{"v": cell} for cell in row]} for row in self.pages[at][: int(call.query["maxResults"])]]
        more = {"pageToken": str(at + 1)} if at + 1 < len(self.pages) else {}
        return 200, {"jobComplete": True, "schema": {"fields": list(self.fields)}, "rows": rows, **more}

    def _slowly(self, job: str, seconds: float) -> tuple[int, Json]:
        with self.changed:
            ended = self.changed.wait_for(lambda: job in self.cancelled or self.closing, seconds)
        return self._error(400, "stopped") if ended else (200, {"jobComplete": False})

    def _error(self, status: int, reason: str) -> tuple[int, Json]:
        errors = [{"reason": reason, "message": self.sentence}]
        return status, {"error": {"code": status, "message": self.sentence, "errors": errors}}


@contextmanager
def serving(house: House) -> Iterator[str]:
    """The address of a server that answers as the house says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet: else each answer waits for the one before to be known

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            found = house.answer(Call(self.command, parts.path, query, body))
            if found is None:
                self.close_connection = True
                return
            text = json.dumps(found[1]).encode()
            self.send_response(found[0])
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
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        with house.changed:
            house.closing = True
            house.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()


def until(happened: Any, seconds: float = 10.0) -> None:
    """Wait, in a thread, for what another thread does."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.01)
