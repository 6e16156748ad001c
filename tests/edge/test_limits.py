"""What is refused before it is a request, what is refused because there are too many, and how connections end."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until
from tests.edge.conftest import TRUSTED, Come


def raw(process: Process, *pieces: bytes) -> bytes:
    """All that the gateway says until it closes the connection."""
    host, _, port = process.url.removeprefix("http://").partition(":")
    said = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        while True:
            try:
                received = connection.recv(65536)
            except ConnectionResetError:
                return said
            if not received:
                return said
            said += received


LONG = b"y" * 70_000
REFUSED = {
    "no request": (b"hello\r\n\r\n", 400, "CH158"),
    "TLS": (bytes.fromhex("16030100a5010000a10303") + b"\0" * 64, 400, "CH158"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "CH158"),
    "a header with a NUL": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 400, "CH158"),
    "a header that cannot be": (b"GET /livez HTTP/1.1\r\nHost: x\r\n: gateway\r\n\r\n", 400, "CH158"),
    "a name that is ours": (b"GET /livez HTTP/1.1\r\nHost: x\r\n:x-amzn-oidc-data: e30\r\n\r\n", 400, "CH158"),
    "two lengths": (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
        "CH158",
    ),
    "a length and chunks": (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "CH158",
    ),
    "a long header": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + LONG + b"\r\n\r\n", 431, "CH157"),
    "a long header without an end": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + LONG, 431, "CH157"),
    "many headers": (
        b"GET /livez HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % at for at in range(250)) + b"\r\n",
        431,
        "CH157",
    ),
    "a long address": (b"GET /livez?" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "CH148"),
    "a long address without an end": (b"GET /livez?" + LONG, 414, "CH148"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_with_a_code(name: str, gateway: Process) -> None:
    sent, status, code = REFUSED[name]
    head, _, body = raw(gateway, sent).partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith(f"http/1.1 {status} ")
    assert {"connection: close", "cache-control: no-store", "x-content-type-options: nosniff"} <= set(lines)
    assert "content-type: application/problem+json" in lines
    assert not [line for line in lines if line.startswith("server:")]
    said = json.loads(body)
    assert (said["code"], said["status"]) == (code, status)
    assert f"x-request-id: {said['request_id']}" in lines


def test_rubbish_behind_a_request_does_not_stand_in_its_answer(gateway: Process, issuer: Issuer) -> None:
    """Refused at once, it would be read as the answer of the request before it."""
    body = b'{"query": "{ nap }"}'
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('ed-1')}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert b"CH158" not in raw(gateway, head.encode() + body, b"rubbish\r\n\r\n")


@pytest.fixture(scope="module")
def narrow(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("narrow") / "p", issuer.url)
    return start(project, CUSTOMHOUSE_MOST_INFLIGHT="2", CUSTOMHOUSE_KEEP_ALIVE="1")


def ask(client: httpx.Client, issuer: Issuer, word: str, path: str = "/graphql") -> httpx.Response:
    token = {"Authorization": f"Bearer {issuer.token('ed-1')}"}
    return client.post(path, headers=token, json={"query": f"{{ {word} }}"})


def sleeper(process: Process, issuer: Issuer) -> socket.socket:
    """A connection that waits for an answer which takes half a minute."""
    host, _, port = process.url.removeprefix("http://").partition(":")
    connection, body = socket.create_connection((host, int(port))), b'{"query": "{ sleep }"}'
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('ed-1')}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def sleepers(process: Process, issuer: Issuer, turned_away: Callable[[], bool]) -> list[socket.socket]:
    """Who occupies the only place. The first may itself be one too many, beside a request that is just ending."""
    made: list[socket.socket] = []
    for _ in range(20):
        made.append(sleeper(process, issuer))
        for _ in range(5):
            if all(turned_away() for _ in range(5)):
                return made
    raise AssertionError("there is always a place")


def test_one_too_many_is_told_so_at_once(narrow: Process, issuer: Issuer, come: Come) -> None:
    client = come(narrow, TRUSTED)
    assert until(lambda: ask(client, issuer, "ok").status_code == 200)  # the issuer's keys are there
    sleeping = [sleeper(narrow, issuer) for _ in range(2)]
    assert until(lambda: ask(client, issuer, "ok").status_code == 503)
    refused = ask(client, issuer, "ok")
    assert refused.json()["errors"][0]["extensions"]["code"] == "CH159"
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["errors"][0]["extensions"]["request_id"] == refused.headers["x-request-id"]
    assert refused.headers["cache-control"] == "no-store"
    large = client.post("/graphql", content=b"x" * 300_000, headers={"X-Request-Id": "mine"})
    assert (large.status_code, large.headers["x-request-id"]) == (503, "mine")
    beside = client.post("/sql", json={})  # on a connection that has just been turned away, and goes on
    assert (beside.status_code, beside.json()["code"]) == (503, "CH159")
    assert beside.headers["content-type"] == "application/problem+json"
    for path in ("/livez", "/startupz"):
        assert client.get(path).status_code == 200
    for connection in sleeping:
        connection.close()
    assert until(lambda: ask(client, issuer, "ok").json() == {"data": {"ok": True}})
    narrow.wait_for("request", request_id=ask(client, issuer, "ok").headers["x-request-id"])
    assert not [one for one in narrow.log if one.get("status") == 503]  # a line for each would be paid by the others


def test_a_connection_at_rest_is_kept_for_as_long_as_the_setting_says(narrow: Process) -> None:
    said = raw(narrow, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")  # which returns when the gateway has closed it
    assert said.startswith(b"HTTP/1.1 200")
    assert b"connection: close" not in said.lower()


PROJECT = """\
version: 1
sources:
  shop: {kind: duckdb, url: shop.duckdb}
  extra: {kind: postgres, url: "postgresql://nobody@127.0.0.1:1/none", required: false}
issuers: {dev: {issuer: "https://dev.example", audiences: [x], development: true, max_lifetime: 1h}}
zones: {internal: {issuers: [dev]}}
"""
CATALOG = """\
domains: {d: {description: Things, steward: T <t@x.example>}}
products:
  d.things: {description: One, source: shop, table: things, key: [id], columns: {id: {type: integer, description: N}}}
  d.extras: {description: One, source: extra, table: extras, key: [id], columns: {id: {type: integer, description: N}}}
"""


def test_a_source_that_is_not_needed_is_named_to_operators_alone(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "catalog").mkdir()
    (tmp_path / "customhouse.yaml").write_text(PROJECT)
    (tmp_path / "catalog" / "d.yaml").write_text(CATALOG)
    duckdb.connect(str(tmp_path / "shop.duckdb")).execute("CREATE TABLE things (id INTEGER)").close()
    command = ["-m", "app.cli", "serve", "--project", str(tmp_path), "--zone", "internal", "--dev-keys"]
    process = Process(command, {"CUSTOMHOUSE_ADMIN": "127.0.0.1:0"})
    try:
        admin = str(process.wait_for("supervising")["admin"])
        with httpx.Client(trust_env=False, timeout=30) as client:

            def ready() -> tuple[int, object]:
                answer = client.get(f"{admin}/readyz")
                return answer.status_code, answer.json()

            want = (200, {"status": "ready", "missing": [], "degraded": ["extra"]})
            assert until(lambda: ready() == want), ready()
            assert client.get(f"{process.url}/readyz").json() == {"status": "ready", "missing": []}
    finally:
        process.stop()
