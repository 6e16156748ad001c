"""Logs of OpenTelemetry over HTTP, in its JSON form (OTLP 1.x): each line is the body of one log record, as it is.

A collector that refuses one line of several has refused them all: they are sent again. So it may be given a line twice,
never a line less.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from app.audit.sink import Head, SinkError

TIMEOUT = 5.0
_MOST_ANSWER = 64 * 1024
_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "customhouse"}}]}
_SCOPE = {"name": "customhouse.audit"}


class Otlp:
    """``url`` is that of the logs, with its path."""

    kind = "otlp"

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._secure, self._timeout = parts.scheme == "https", timeout
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        records = [_record(line) for line in lines]
        body = orjson.dumps(
            {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"scope": _SCOPE, "logRecords": records}]}]}
        )
        try:
            answer = self._sent(body)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise SinkError(type(error).__name__) from None
        if _rejected(answer):
            raise SinkError("the collector rejected records")

    def pause(self, head: Head, idle: bool) -> None: ...

    def close(self, head: Head) -> None:
        self._drop()

    def _sent(self, body: bytes) -> bytes:
        fresh = self._connection is None
        try:
            return self._ask(body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if fresh:
                raise
            self._drop()  # a connection at rest that the collector had closed
            return self._ask(body)

    def _ask(self, body: bytes) -> bytes:
        if self._connection is None:
            self._connection = self._made()
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        with self._connection.getresponse() as response:
            answer = response.read(_MOST_ANSWER + 1)
            if len(answer) > _MOST_ANSWER or not 200 <= response.status < 300:
                self._drop()
                raise SinkError(f"status {response.status}")
        return answer

    def _made(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _record(line: bytes) -> dict[str, object]:
    event = orjson.loads(line)
    failed = event["status_id"] != 1
    record: dict[str, object] = {
        "timeUnixNano": str(event["time"] * 1_000_000),
        "severityNumber": 13 if failed else 9,
        "severityText": "WARN" if failed else "INFO",
        "eventName": f"ocsf.{event['class_uid']}",
        "body": {"stringValue": line.rstrip(b"\n").decode()},
    }
    trace = event["metadata"].get("correlation_uid")
    return record if trace is None else record | {"traceId": trace}


def _rejected(answer: bytes) -> bool:
    """Whether an answer with a good status says that something was not taken."""
    try:
        said = orjson.loads(answer) if answer.strip() else {}
    except orjson.JSONDecodeError:
        return False
    partial = said.get("partialSuccess") if isinstance(said, dict) else None
    return isinstance(partial, dict) and int(partial.get("rejectedLogRecords") or 0) > 0
