"""A gateway that sends traces: what a request becomes, who decides, what goes out, and what happens where nobody
collects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.app.issuer import Issuer
from tests.app.process import ROOT, Process, until
from tests.canary import keyed
from tests.canary.gateway import MASTER, secret_world, write_project
from tests.results.valkey import Valkey, server
from tests.telemetry.collector import CLIENT, INTERNAL, SERVER, attributes, collecting

__all__ = ["server"]

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ORDERS = "{ orders(first: 3) { nodes { id code } } stores(first: 2) { nodes { name } } }"
SCORES = '{ predictEcho(inputs: [{name: "a", notes: "b"}]) { said } }'


@contextmanager
def gateway(project: Path, store: str, **environ: str) -> Iterator[Process]:
    given = {"CUSTOMHOUSE_MASTER_KEY": MASTER, "STORE": store, "NO_PROXY": "127.0.0.1", **environ}
    process = Process(["-m", "app.cli", "serve", "--project", str(project), "--zone", "internal"], given)
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer("ed-1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def scorer() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A model server, and the headers that it was sent."""
    with keyed.echoing() as (url, _):
        heard = keyed.HEADERS
        heard.clear()
        yield url, heard


@pytest.fixture(scope="module")
def project(
    issuer: Issuer, server: Valkey, scorer: tuple[str, list[dict[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    keyed.spoil(server, secret_world())
    return write_project(tmp_path_factory.mktemp("traces") / "project", issuer.url, scorer[0])


def ask(process: Process, issuer: Issuer, query: str, **headers: str) -> httpx.Response:
    token = issuer.token("ed-1", roles=["analyst"], sub="somebody", regions=["EU"], person=1)
    with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
        return client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}", **headers})


def said(process: Process, response: httpx.Response) -> dict[str, object]:
    """The request's line in the log."""
    return process.wait_for("request", request_id=response.headers["x-request-id"])


def test_a_request_becomes_spans(project: Path, server: Valkey, issuer: Issuer) -> None:
    with collecting() as collector:
        with gateway(project, server.url, CUSTOMHOUSE_OTLP=collector.url, CUSTOMHOUSE_TRACE_RATIO="1") as process:
            response = ask(process, issuer, ORDERS, Traceparent=f"00-{TRACE}-{SENDER}-01")
            line = said(process, response)
            httpx.get(f"{process.url}/readyz", trust_env=False)
        assert collector.paths == {"/v1/traces"}
        spans = collector.spans
    (top,) = [span for span in spans if span.kind == SERVER]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert (top.name, top.parent_span_id.hex()) == ("POST /graphql", SENDER)
    assert (line["trace_id"], line["span_id"]) == (TRACE, top.span_id.hex())
    assert attributes(top) == {
        "http.request.method": "POST", "http.response.status_code": 200, "http.route": "/graphql",
        "url.path": "/graphql", "url.scheme": "http", "customhouse.zone": "internal",
        "graphql.operation.type": "query", "customhouse.document": line["document"],
    }  # fmt: skip
    stages = [span for span in spans if span.kind == INTERNAL]
    assert [span.name for span in stages] == ["auth", "read", "compile", "govern", "run", "encode"]
    assert {span.parent_span_id for span in stages} == {top.span_id}
    calls = [span for span in spans if span.kind == CLIENT]
    assert sorted(span.name for span in calls) == ["SELECT crm.orders", "SELECT geo.stores"]
    assert {span.parent_span_id for span in calls} == {stages[4].span_id}
    of = {span.name: attributes(span) for span in calls}
    assert of["SELECT crm.orders"] == {
        "db.system.name": "duckdb", "db.operation.name": "SELECT", "db.query.summary": "SELECT crm.orders",
        "db.collection.name": "crm.orders", "customhouse.source": "main", "db.response.returned_rows": 3,
    }  # fmt: skip
    for span in spans:
        assert top.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano


def test_the_sender_decides_and_calls_carry_on(
    project: Path, server: Valkey, issuer: Issuer, scorer: tuple[str, list[dict[str, str]]]
) -> None:
    heard = scorer[1]
    heard.clear()
    with collecting() as collector:
        with gateway(project, server.url, CUSTOMHOUSE_OTLP=collector.url, CUSTOMHOUSE_TRACE_RATIO="0") as process:
            kept = {"Traceparent": f"00-{TRACE}-{SENDER}-01", "Tracestate": "vendor=abc"}
            ask(process, issuer, SCORES, **kept)
            ask(process, issuer, SCORES, Traceparent=f"00-{TRACE}-{SENDER}-00")
            line = said(process, ask(process, issuer, SCORES))
            broken = said(process, ask(process, issuer, SCORES, Traceparent=f"00-{TRACE}-{SENDER}"))
        calls = [span for span in collector.spans if span.kind == CLIENT]
        tops = [span for span in collector.spans if span.kind == SERVER]
    assert len(tops) == 1, "the one that its sender keeps"
    (call,) = calls
    assert (call.name, attributes(call)["error.type"]) == ("LOOKUP crm.echo", "CH502")
    sent = [(found["traceparent"], found.get("tracestate")) for found in heard]
    assert sent[0] == (f"00-{TRACE}-{call.span_id.hex()}-01", "vendor=abc")
    assert sent[1][0].startswith(f"00-{TRACE}-") and sent[1][0].endswith("-00") and sent[1][1] is None
    assert sent[2][0] == f"00-{line['trace_id']}-{line['span_id']}-00"
    assert broken["trace_id"] not in (TRACE, line["trace_id"])


def test_a_zone_may_begin_traces_itself(project: Path, server: Valkey, issuer: Issuer) -> None:
    with collecting() as collector:
        environ = {"CUSTOMHOUSE_OTLP": collector.url, "CUSTOMHOUSE_TRACE_PARENT": "restart"}
        with gateway(project, server.url, CUSTOMHOUSE_TRACE_RATIO="0", **environ) as process:
            line = said(process, ask(process, issuer, ORDERS, Traceparent=f"00-{TRACE}-{SENDER}-01"))
        assert line["trace_id"] != TRACE and collector.spans == []


def test_without_a_collector_a_trace_passes_through(
    project: Path, server: Valkey, issuer: Issuer, scorer: tuple[str, list[dict[str, str]]]
) -> None:
    heard = scorer[1]
    heard.clear()
    with gateway(project, server.url) as process:
        line = said(process, ask(process, issuer, SCORES, Traceparent=f"00-{TRACE}-{SENDER}-01"))
        assert "trace_id" not in said(process, ask(process, issuer, SCORES))
    assert line["trace_id"] == TRACE
    assert [found.get("traceparent") for found in heard] == [f"00-{TRACE}-{SENDER}-01", None]


def test_a_collector_that_is_not_there(project: Path, server: Valkey, issuer: Issuer) -> None:
    """Requests are answered, and the log says once that spans were lost; ending is not held up."""
    with collecting() as collector:
        collector.status = 400
        environ = {"CUSTOMHOUSE_OTLP": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with gateway(project, server.url, CUSTOMHOUSE_TRACE_RATIO="1", **environ) as process:
            for _ in range(3):
                assert ask(process, issuer, ORDERS).status_code == 200
            assert until(lambda: len(collector.bodies) > 0)
            process.wait_for("spans_lost", level="warning")
        assert sum(line["event"] == "spans_lost" for line in process.log) == 1
        assert not any(line.get("logger", "").startswith("opentelemetry") for line in process.log)


def test_opentelemetry_is_imported_by_those_who_send() -> None:
    """FastAPI imports the interface for itself; what makes and sends spans is not there."""
    text = "import sys, app.parts, app.cli.serve; print(*[name for name in sys.modules if 'opentelemetry' in name])"
    found = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, check=True, text=True)
    assert not [
        name for name in found.stdout.split() if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
    ]
