"""Records that are required: where a sink does not take one, nothing is answered but health; else everything is."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import orjson
import pytest

from app.audit.audit import open_audit
from app.audit.settings import read_audit
from app.audit.verify import verify
from app.settings import StartError
from tests.app.conftest import bearer, issuer, start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until
from tests.audit.ocsf import check

__all__ = ["bearer", "issuer", "start"]


class Collector:
    """An OTLP collector that keeps what it is sent, and answers with ``status`` and ``said``."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.status, self.said = 200, b"{}"
        self.hold = threading.Event()
        self.hold.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                collector.hold.wait(20)
                if collector.status == 200 and collector.said == b"{}":
                    collector.take(self.path, body)
                self.send_response(collector.status)
                self.send_header("Content-Length", str(len(collector.said)))
                self.end_headers()
                self.wfile.write(collector.said)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, path: str, body: dict[str, list[dict[str, list[dict[str, list[dict[str, object]]]]]]]) -> None:
        assert path == "/v1/logs"
        for record in body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
            line = record["body"]["stringValue"].encode()  # type: ignore[index]
            assert record["timeUnixNano"] == str(orjson.loads(line)["time"] * 1_000_000)
            self.lines.append(line + b"\n")

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def gateway(start: object, issuer: Issuer, folder: Path, sinks: str, **environ: str) -> Process:
    project = write_project(folder / "project", issuer.url)
    said = {"CUSTOMHOUSE_AUDIT": sinks, "CUSTOMHOUSE_AUDIT_REQUIRED": "1", "CUSTOMHOUSE_EXPLAIN": "roles:analyst"}
    running: Process = start(project, **(said | environ))  # type: ignore[operator]
    return running


def asked(client: httpx.Client, headers: dict[str, str]) -> dict[str, httpx.Response]:
    ok = {"query": "{ ok }"}
    return {
        "answer": client.post("/graphql", headers=headers, json=ok),
        "refused": client.post("/graphql", headers=headers, json={"query": "{ nothing }"}),
        "no token": client.post("/graphql", json=ok),
        "catalog": client.get("/catalog", headers=headers),
        "explain": client.post("/explain", headers=headers, json=ok),
        "schema": client.get("/schema.graphql"),
        "sql": client.post("/sql", headers=headers, json={"statement": "SELECT 1"}),
    }


def test_a_full_disk_withholds_every_answer(
    start: object, issuer: Issuer, bearer: dict[str, str], tmp_path: Path
) -> None:
    """/dev/full takes a byte from nobody. What was asked cannot be told from the answers."""
    process = gateway(start, issuer, tmp_path, "file:/dev/full", CUSTOMHOUSE_AUDIT_SYNC="never")
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
        for what, response in asked(client, bearer).items():
            assert response.status_code == 503, what
            assert response.headers["retry-after"] == "5"
            assert "CH155" in response.text and "data" not in response.json(), what
            assert b"zone" not in response.content, what
        assert client.get("/livez").status_code == 200
        page = client.get("/graphql", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert process.wait_for("audit_failing")["why"] == "OSError 28"
    assert process.stop() == 0
    process.wait_for("audit_unwritten")


def test_what_is_accepted_is_answered(
    start: object, issuer: Issuer, bearer: dict[str, str], tmp_path: Path, collector: Collector
) -> None:
    """A file and a collector, both required; the collector fails, hangs, rejects and comes back."""
    process = gateway(start, issuer, tmp_path, f"file:{tmp_path}/audit.jsonl,otlp:{collector.url}")
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
        found = asked(client, bearer)
        assert [response.status_code for response in found.values()] == [200, 200, 401, 200, 200, 401, 404]
        for path in (tmp_path / "audit.jsonl",):
            told = [orjson.loads(line) for line in path.read_bytes().splitlines()]
            assert [one["http_response"]["code"] for one in told if one["class_uid"] != 6003] == [
                response.status_code for response in found.values()
            ], "recorded before it was answered"

        def status() -> int:
            return client.post("/graphql", headers=bearer, json={"query": "{ ok }"}).status_code

        collector.status = 500
        assert status() == 503
        collector.status = 200
        assert until(lambda: status() == 200)
        collector.said = b'{"partialSuccess":{"rejectedLogRecords":"1"}}'
        assert status() == 503
        collector.said = b"{}"
        assert until(lambda: status() == 200)
        collector.hold.clear()
        assert status() == 503
        collector.hold.set()
        assert until(lambda: status() == 200)
    assert process.stop() == 0
    (tmp_path / "otlp.jsonl").write_bytes(b"".join(collector.lines))
    for path in (tmp_path / "audit.jsonl", tmp_path / "otlp.jsonl"):
        assert verify([path]).breaks == []
        for line in path.read_bytes().splitlines():
            check(line)
        codes = [orjson.loads(line)["unmapped"].get("codes") for line in path.read_bytes().splitlines()]
        assert codes.count(["CH155"]) >= 3, "a withheld answer is told"


async def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    settings = read_audit({"CUSTOMHOUSE_AUDIT": f"file:{tmp_path}/none/audit.jsonl"})
    with pytest.raises(StartError, match=r"CH341 The audit file .* cannot be opened: No such file"):
        open_audit(settings, None, lambda sink, what, count: None)


def test_without_being_required_answers_go_on(
    start: object, issuer: Issuer, bearer: dict[str, str], tmp_path: Path
) -> None:
    process = gateway(
        start, issuer, tmp_path, "file:/dev/full", CUSTOMHOUSE_AUDIT_REQUIRED="0", CUSTOMHOUSE_AUDIT_SYNC="never",
        CUSTOMHOUSE_ADMIN="127.0.0.1:0",
    )  # fmt: skip
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/graphql", headers=bearer, json={"query": "{ ok }"}).json() == {"data": {"ok": True}}
    process.wait_for("audit_failing")
    admin = str(process.wait_for("supervising")["admin"])
    with httpx.Client(base_url=admin, trust_env=False, timeout=30) as client:
        failed = re.compile(r'customhouse_audit_records_total\{.*result="failed".*\} 1')
        assert until(lambda: failed.search(client.get("/metrics").text) is not None)
    process.stop()


def test_standard_output(start: object, issuer: Issuer, bearer: dict[str, str], tmp_path: Path) -> None:
    process = gateway(start, issuer, tmp_path, "stdout", CUSTOMHOUSE_AUDIT_SUBJECT="clear")
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
        client.post("/graphql", headers=bearer, json={"query": "{ ok }"})
    assert process.stop() == 0
    records = [line for line in process.log if "class_uid" in line]
    for record in records:
        check(orjson.dumps(record))
    (answer,) = [record for record in records if record["class_uid"] == 6005]
    assert answer["actor"]["user"]["uid"] == issuer.claims()["sub"]  # type: ignore[index]
