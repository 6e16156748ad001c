"""Canaries: a gateway process is asked for much by many; nothing hidden leaves it, and nothing personal is logged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.app.issuer import Issuer, sign
from tests.app.process import Process
from tests.audit.ocsf import check
from tests.canary import keyed
from tests.canary.gateway import SEED, Visitor, audit_of, log_text, opened, secret_world, start, write_project
from tests.leak.compare import everything
from tests.leak.reference import PERSONAS, ZONES, Persona, governed
from tests.results.valkey import Valkey, server
from tests.telemetry.collector import CLIENT, SERVER, Collector, collecting

__all__ = ["server"]

CANARY = re.compile(rb"CANARY-[a-z]+-\d+|canary\.mail\.\d+")
QUESTIONS = 25
QUERY_MARK, VARIABLE_MARK = "MARK-of-a-query", "MARK-of-a-variable"
LISTS = (
    "{ people(first: 50) { totalCount edges { cursor node { nodeId id } } pageInfo { endCursor } } }",
    "{ people(first: 50, orderBy: [{name: ASC}, {email: DESC}]) { edges { cursor node { name email phone } } } }",
    "{ orders(first: 50, orderBy: [{code: ASC}]) { edges { cursor node { nodeId code badgeNo badge { badgeNo } } } } }",
    "{ badges(first: 50) { edges { cursor node { nodeId badgeNo level } } } }",
    "{ badges { nodes { orders { nodes { id person { name email } } } } } }",
    "{ stores(first: 50) { nodes { name orders { nodes { code person { notes } } } } } }",
    "{ peopleGroups(by: [{column: NAME}, {column: EMAIL}]) { key { name email } count min { phone } max { birth } } }",
    "{ peopleAggregate { min { name email phone notes } max { name email phone notes } } }",
)
TRIPPING = (
    "{ brokens { nodes { code } } }",
    "{ brokensAggregate { sum { code } } people { nodes { id } } }",
    "{ brokens(where: {code: {gt: 3}}, orderBy: [{code: ASC}]) { nodes { id } } }",
    "{ orders(first: 2) { nodes { id } } brokensGroups(by: [{column: CODE}]) { count } }",
)
BAD_QUERIES = (
    f'{{ people(where: {{name: {{eq: "{QUERY_MARK}"}}}}) {{ nodes {{ id }}',
    f'{{ people(where: {{name: {{equals: "{QUERY_MARK}"}}}}) {{ nodes {{ id }} }} }}',
    f'{{ people(after: "{QUERY_MARK}") {{ nodes {{ id }} }} }}',
    f'{{ node(id: "{QUERY_MARK}") {{ nodeId }} }}',
    f"# {QUERY_MARK}\n{{ nothing }}",
    f"query {QUERY_MARK.replace('-', '_')} {{ rights {{ nodes {{ id }} }} }}",
    "{ people { nodes { secret notes vip } } }",
    "{ " * 300,
    "mutation { drop }",
    "",
)  # fmt: skip
STATEMENTS = (
    f"SELECT id, '{QUERY_MARK}' AS \"MARK-of-a-name\" FROM crm.people WHERE name <> '{QUERY_MARK}' LIMIT 7777123",
    f"WITH \"MARK-of-a-part\" AS (SELECT id, code FROM crm.orders WHERE code <> '{QUERY_MARK}') "
    'SELECT count(*) FROM "MARK-of-a-part" AS "MARK-of-an-alias"',
    f"SELECT s.name FROM geo.stores AS s JOIN crm.orders AS o ON o.code <> s.name WHERE s.name <> '{QUERY_MARK}'",
    "SELECT code + 1 AS n FROM crm.broken",
    f"SELECT '{QUERY_MARK}",
)
METRICS: list[bytes] = []
INTROSPECTION = "{ __schema { types { name fields { name description } enumValues { name } inputFields { name } } } }"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer("ed-1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def echoing() -> Iterator[tuple[str, list[bytes]]]:
    with keyed.echoing() as made:
        yield made


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module", params=ZONES)
def visited(
    request: pytest.FixtureRequest,
    issuer: Issuer,
    server: Valkey,
    echoing: tuple[str, list[bytes]],
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Process, list[Visitor]]]:
    """A gateway after everybody's visit, ended so that its log is whole: at the internal zone, and at that of
    partners. What it sent and counted is there as well."""
    collector.bodies.clear()
    keyed.spoil(server, secret_world())
    project = write_project(tmp_path_factory.mktemp("canary") / "project", issuer.url, echoing[0])
    process = start(project, server.url, collector.url, request.param)
    process.audit, process.zone = audit_of(project), request.param  # type: ignore[attr-defined]
    try:
        with httpx.Client(base_url=process.url, timeout=60, trust_env=False) as client:
            visitors = [Visitor.make(client, issuer, persona) for persona in ZONES[request.param]]
            for visitor in visitors:
                visit(visitor, issuer)
            swap(visitors)
            for visitor in visitors:
                sql(visitor)
            admin = str(process.wait_for("supervising")["admin"])
            METRICS[:] = [httpx.get(f"{admin}/metrics", trust_env=False).content]
    finally:
        process.stop()
    yield process, visitors


def visit(visitor: Visitor, issuer: Issuer) -> None:
    """One persona's corpus: what they may ask, what they may not, and what is broken."""
    asks = everything(visitor.persona, SEED)
    texts = [asks.question() for _ in range(QUESTIONS)]
    for text in (*texts, *LISTS, *TRIPPING, *keyed.ASKED, *BAD_QUERIES, INTROSPECTION):
        visitor.ask(text)
    typed = "query ($w: PersonWhere, $n: Int) { people(where: $w, first: $n) { nodes { id } } }"
    for value in ({"name": {"eq": VARIABLE_MARK}}, {"id": {"eq": VARIABLE_MARK}}, {VARIABLE_MARK: 1}, VARIABLE_MARK):
        visitor.ask(typed, w=value, n=3)
    visitor.send(
        "POST", "/graphql", content=f'{{"query": "{QUERY_MARK}'.encode(), headers={"Content-Type": "text/plain"}
    )
    visitor.send("POST", "/graphql", content=f'{{"query": "{QUERY_MARK}'.encode())
    visitor.send("GET", "/graphql", params={"query": LISTS[0]})
    for path in ("/catalog", "/schema.graphql", "/livez", "/readyz", f"/{QUERY_MARK}"):
        visitor.send("GET", path)
    for text in (LISTS[1], LISTS[2], TRIPPING[0], BAD_QUERIES[0]):
        visitor.send("POST", "/explain", json={"query": text})
    for token in bad_tokens(visitor, issuer):
        visitor.send("POST", "/graphql", token=token, json={"query": LISTS[0]})
    visitor.send("POST", "/graphql", headers={"X-Purpose": "MARK-of-a-purpose"}, json={"query": LISTS[0]})


def sql(visitor: Visitor) -> None:
    """Statements with literals and names of the caller's own, and what fails in the middle."""
    for text in STATEMENTS:
        visitor.send("POST", "/sql", json={"statement": text}, headers={"tracestate": "vendor=MARK-of-a-state"})


def bad_tokens(visitor: Visitor, issuer: Issuer) -> list[str]:
    claims = issuer.claims(sub=visitor.persona.subject, email="CLAIM-bad")
    return [
        visitor.token[:-3] + "AAA",
        visitor.token + "." + visitor.token,
        issuer.token("ed-1", exp=1000, email="CLAIM-expired"),
        issuer.token("ed-2", email="CLAIM-unknown-key"),
        issuer.token("ed-1", aud="MARK-of-an-audience"),
        issuer.token("ed-1", iss="https://MARK-of-an-issuer.example"),
        issuer.token("ed-1", roles="MARK-of-a-role", person="MARK-of-a-person"),
        sign("ed-1", {"alg": "EdDSA", "kid": "ed-1", "typ": "MARK-of-a-type"}, claims),
        "CLAIM-no-token-at-all",
        "a.b.c",
    ]


def swap(visitors: list[Visitor]) -> None:
    """Everybody tries the cursors and node ids that the others were given."""
    sealed = []
    for visitor in visitors:
        for _, body in visitor.heard:
            sealed += [found.decode() for found in re.findall(rb'"([A-Za-z0-9_-]{64,})"', body)][:2]
    for visitor in visitors:
        for text in sealed[:40]:
            visitor.ask("query ($t: ID!) { node(id: $t) { nodeId ... on Person { name notes } } }", t=text)
            visitor.ask("query ($t: String) { people(after: $t) { nodes { name notes } } }", t=text)


def may_see(persona: Persona) -> set[bytes]:
    """The canaries in what an independent reference says this persona sees."""
    rows = governed(secret_world(), persona)
    return set(CANARY.findall(repr(rows).encode()))


@pytest.mark.parametrize("number", range(len(PERSONAS)), ids=[persona.name for persona in PERSONAS])
def test_no_answer_holds_what_its_caller_may_not_see(
    number: int, visited: tuple[Process, list[Visitor]], record_property: Callable[[str, object], None]
) -> None:
    visitor = visited[1][number]
    allowed = may_see(visitor.persona)
    hidden = set(CANARY.findall(repr(secret_world()).encode())) - allowed
    assert hidden or (visitor.persona.name, visitor.persona.zone) == ("admin", "internal")
    record_property("answers", len(visitor.heard))
    figure = f"canaries: {visitor.persona.name} at the zone {visitor.persona.zone}, {len(visitor.heard)} answers"
    record_property("figure", figure)
    found = [
        (asked, canary) for asked, body in visitor.heard for canary in CANARY.findall(opened(body)) if canary in hidden
    ]
    assert not found, found[:5]
    assert len(visitor.heard) > 100


def test_the_search_finds_what_is_there(visited: tuple[Process, list[Visitor]]) -> None:
    """The canaries are there to be found, and the failures that could have told them did happen."""
    process, visitors = visited
    seen = {canary for _, body in visitors[0].heard for canary in CANARY.findall(opened(body))}
    assert len(seen) > 30
    assert CANARY.findall(opened(b'"Q0FOQVJZLWJhZGdlLTM="'))
    codes = {code for visitor in visitors for _, body in visitor.heard for code in re.findall(rb"CH\d{3}", body)}
    assert {b"CH101", b"CH110", b"CH205", b"CH502"} <= codes
    assert b"failed a statement" in log_text(process)


def test_no_answer_tells_papers_or_engine_texts(visited: tuple[Process, list[Visitor]]) -> None:
    """Tokens, claims and what an engine said about a cell leave in no answer; explaining needs its right."""
    for visitor in visited[1]:
        for asked, body in visitor.heard:
            text = opened(body)
            assert b"CLAIM-" not in text, asked
            assert visitor.token.encode() not in text and visitor.token.split(".")[2].encode() not in text, asked
            assert b"Conversion" not in text and b"INT32" not in text and b"duckdb" not in text.lower(), asked
            if "/explain" in asked and "platform" not in visitor.persona.roles:
                assert b"SELECT" not in text, asked


def test_what_fails_by_key_says_nothing(
    visited: tuple[Process, list[Visitor]], echoing: tuple[str, list[bytes]]
) -> None:
    """The store's cells and the model server's echo of its inputs stand in no answer; they did fail, with canaries."""
    process, visitors = visited
    heard = [
        body
        for visitor in visitors
        for asked, body in visitor.heard
        if any(repr(text)[1:-1] in asked for text in keyed.ASKED)
    ]
    assert len(heard) == len(keyed.ASKED) * len(visitors)
    if visitors[0].persona.zone != "internal":  # which publishes neither
        assert all(b"CH205" in body for body in heard)
        return
    assert any(CANARY.findall(body) for body in echoing[1])
    log = log_text(process)
    assert re.search(rb"source store (failed|is down)", log) and re.search(rb"source scorer (failed|is down)", log)
    assert any(b"CH502" in body or b"CH501" in body for body in heard)
    for body in heard:
        assert not re.findall(rb"CANARY|MARK-of-an-input|MARK-of-a-note|MARK-of-a-key|BAD_REQUEST", opened(body))


def test_nothing_personal_is_logged(visited: tuple[Process, list[Visitor]]) -> None:
    process, visitors = visited
    assert len(process.log) > 500
    slow = [line for line in process.log if line["event"] == "slow"]
    assert len(slow) > 250 and sum("SELECT" in str(line.get("sources")) for line in slow) > 100
    assert sum(line["route"] == "/sql" and "SELECT" in str(line.get("sources")) for line in slow) > 5
    says_nothing(log_text(process), visitors)


def test_traces_and_metrics_say_nothing_personal(visited: tuple[Process, list[Visitor]], collector: Collector) -> None:
    _, visitors = visited
    assert len(collector.spans) > 1000
    assert {SERVER, CLIENT} <= {span.kind for span in collector.spans}
    says_nothing(collector.text(), visitors)
    (metrics,) = METRICS
    assert b'customhouse_masked_fields_total{product="crm.people"}' in metrics
    says_nothing(metrics, visitors)


def test_nothing_personal_is_audited(visited: tuple[Process, list[Visitor]]) -> None:
    """One record for every answer, refusal and bad token; products, columns and rules stand in them, and no value."""
    process, visitors = visited
    trail = process.audit.read_bytes()  # type: ignore[attr-defined]
    records = [check(line) for line in trail.splitlines()]
    told = [record for record in records if record.class_uid != 6003]
    nobodys = ("GET /livez", "GET /readyz", "GET /MARK")  # for partners there is nothing at /explain either
    nobodys += ("POST /explain",) if process.zone == "partner" else ()  # type: ignore[attr-defined]
    left_out = sum(asked.startswith(nobodys) for visitor in visitors for asked, _ in visitor.heard)
    assert len(told) == sum(len(visitor.heard) for visitor in visitors) - left_out > 500
    assert {record.class_uid for record in records} == {3002, 6003, 6005}
    assert b'"crm.people"' in trail and b'"pii.name"' in trail and b'"masked"' in trail
    said = re.sub(rb'"kind":"[a-z_]+","name":"[^"]+"|"purpose":"fraud"', b"", trail)  # rules and purposes have names
    says_nothing(said, visitors)


def says_nothing(log: bytes, visitors: list[Visitor]) -> None:
    """No cell, token, claim, subject, literal, variable, name of a caller's own or text of a query."""
    assert b"7777123" not in log, "a number in a query"
    assert not CANARY.findall(opened(log))
    assert not re.findall(rb"MARK-of-[a-z-]+|MARK_of_a_query|CLAIM-[a-z-]+", log)
    assert b"eyJ" not in log, "the beginning of every token"
    for visitor in visitors:
        for part in visitor.token.split("."):
            assert part.encode() not in log
        if visitor.persona.subject != "root":
            assert not re.search(rb"\b" + visitor.persona.subject.encode() + rb"\b", log), visitor.persona.name
    assert not re.search(rb"\b(analyst|clerk|platform|embargoed|fraud)\b", log), "claim values"
    assert b"totalCount" not in log, "query texts"
