"""The trail of a gateway as it is run: two workers over a project, an engine and a database. Every request has one
record, every record is one of OCSF, and nothing that was asked, answered or claimed stands in any."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import httpx
import orjson
import pytest

from app.cli import main
from tests.app.process import Process, until
from tests.audit.ocsf import Datastore, check

PROJECT = Path(__file__).parents[1] / "app" / "project"
QUERY = "{ orders(orderBy: [{id: ASC}]) { nodes { id region email } } }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARIES = ("CANARY-a@x.example", "CANARY-b@x.example", "north", "south", "LITERAL-x", "orders(", "SELECT", "eyJ")
SUBJECTS = ("clerk@shop.example", "auditor@shop.example")


@dataclass
class Trail:
    """What was asked, by request id, and what was recorded."""

    folder: Path
    asked: dict[str, int] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("audit*.jsonl"))

    def lines(self) -> list[bytes]:
        return [line for file in self.files for line in file.read_bytes().splitlines()]

    def records(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.lines()]

    def of(self, request_id: str) -> dict[str, object]:
        found = [
            record
            for record in self.records()
            if record.get("http_request", {}).get("uid") == request_id  # type: ignore[attr-defined]
        ]
        assert len(found) == 1, (request_id, len(found))
        return found[0]


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """The trail of two workers after everything was asked, and after they ended."""
    folder = tmp_path_factory.mktemp("audit")
    project = Path(shutil.copytree(PROJECT, folder / "project"))
    with duckdb.connect(str(project / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, region VARCHAR, email VARCHAR)")
        connection.execute(
            "INSERT INTO orders VALUES (1, 'north', 'CANARY-a@x.example'), (2, 'south', 'CANARY-b@x.example')"
        )
    command = [
        "-m",
        "app.cli",
        "serve",
        "--project",
        str(project),
        "--zone",
        "internal",
        "--dev-keys",
        "--workers",
        "2",
    ]
    settings = {"CUSTOMHOUSE_EXPLAIN": "roles:auditor", "CUSTOMHOUSE_AUDIT": f"file:{folder}/audit.jsonl"}
    process = Process(command, settings)
    made = Trail(folder)
    tokens = {name: token(project, name) for name in ("clerk", "auditor")}
    try:
        with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
            assert until(lambda: client.get("/readyz").status_code == 200)
            ask(client, made, tokens)
            reload(project, process)
    finally:
        assert process.stop() == 0
    assert process.errors == []
    made.heads = [line for line in process.log if line.get("event") == "audit_head"]  # type: ignore[attr-defined]
    yield made


def token(project: Path, persona: str) -> str:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["token", "--project", str(project), "--as", persona]) == 0
    return said.getvalue().strip()


def ask(client: httpx.Client, trail: Trail, tokens: dict[str, str]) -> None:
    def send(name: str, method: str, path: str, who: str | None = "clerk", **request: object) -> None:
        headers = {"X-Request-Id": name, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        headers |= {} if who is None else {"Authorization": f"Bearer {tokens.get(who, who)}"}
        headers |= request.pop("headers", {})  # type: ignore[arg-type]
        trail.asked[name] = client.request(method, path, headers=headers, **request).status_code  # type: ignore[arg-type]

    for number in range(10):
        send(f"rows-{number}", "POST", "/graphql", json={"query": QUERY})
    send("clear", "POST", "/graphql", "auditor", json={"query": QUERY}, headers={"X-Purpose": "audit"})
    send("literal", "POST", "/graphql", json={"query": '{ orders(where: {region: {eq: "LITERAL-x"}}) { totalCount } }'})
    send("unknown", "POST", "/graphql", json={"query": '{ hidden(a: "LITERAL-x") { id } }'})
    send("syntax", "POST", "/graphql", json={"query": "{"})
    send("media", "POST", "/graphql", content=b"LITERAL-x")
    send("method", "PUT", "/graphql")
    send("sql", "POST", "/sql", json={"statement": "SELECT region FROM sales.orders WHERE email <> 'LITERAL-x'"})
    send("sql-unknown", "POST", "/sql", json={"statement": "SELECT 'LITERAL-x' FROM sales.nothing"})
    send("document", "GET", "/q/LITERAL-x")
    send("catalog", "GET", "/catalog")
    send("schema", "GET", "/schema.graphql")
    send("explain", "POST", "/explain", "auditor", json={"query": QUERY})
    send("explain-refused", "POST", "/explain", json={"query": QUERY})
    send("no-token", "POST", "/graphql", None, json={"query": QUERY})
    send("bad-token", "GET", "/catalog", "LITERAL-x.LITERAL-x.LITERAL-x")
    send("bad-purpose", "POST", "/sql", headers={"X-Purpose": "LITERAL-x"}, json={"statement": "SELECT 1"})
    for path in ("/livez", "/graphql", "/nowhere-LITERAL-x"):
        client.get(path, headers={"Accept": "text/html"})


def reload(project: Path, process: Process) -> None:
    policies = project / "policies" / "sales.yaml"
    before = policies.read_text()
    policies.write_text(before + "\n# changed\n")
    everywhere(process, "reloaded")
    policies.write_text(before + "\nbroken: LITERAL-x\n")
    everywhere(process, "reload_refused")
    policies.write_text(before)


def everywhere(process: Process, event: str) -> None:
    for worker in (0, 1):
        process.wait_for(event, worker=worker)


def test_every_request_has_one_record_and_every_record_is_of_ocsf(trail: Trail) -> None:
    for line in trail.lines():
        check(line)
    for request_id, status in trail.asked.items():
        assert trail.of(request_id)["http_response"]["code"] == status, request_id  # type: ignore[index]
    told = sum(record["class_uid"] != 6003 for record in trail.records())
    assert told == len(trail.asked), "health, pages and unknown paths have none"


def test_the_trail_is_whole(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    """Two workers, a chain and a file each, and both ended; their heads stand in the log."""
    assert [path.name for path in trail.files] == ["audit.0.jsonl", "audit.1.jsonl"]
    assert main(["audit", "verify", *map(str, trail.files)]) == 0
    said = capsys.readouterr().out
    assert said.count("ended") == 2 and "ok:" in said
    assert {path.stat().st_mode & 0o777 for path in trail.folder.glob("audit*")} == {0o600}
    heads = {head["hash"] for head in trail.heads}  # type: ignore[attr-defined]
    ends = {orjson.loads(file.read_bytes().splitlines()[-1])["unmapped"]["chain"]["hash"] for file in trail.files}
    assert ends <= heads


def test_what_was_governed(trail: Trail) -> None:
    masked, clear = check(orjson.dumps(trail.of("rows-3"))), check(orjson.dumps(trail.of("clear")))
    assert isinstance(masked, Datastore) and isinstance(clear, Datastore)
    (product,) = masked.unmapped.products or ()
    assert (product.name, product.rows, masked.unmapped.rows) == ("sales.orders", "some", 1)
    states = {column.name: (column.state, column.tags, column.masks) for column in product.columns}
    assert states == {
        "id": ("clear", [], []),
        "region": ("clear", [], []),
        "email": ("masked", ["pii.email"], ["redact"]),
    }
    rules = {(rule.kind, rule.name, rule.rows) for rule in product.rules}
    assert rules == {("grant", "own-region", "some"), ("mask", "email", "all")}
    (product,) = clear.unmapped.products or ()
    assert (product.rows, clear.unmapped.rows, clear.unmapped.purpose) == ("all", 2, "audit")
    assert {column.name: column.state for column in product.columns}["email"] == "clear"
    assert {rule.name for rule in product.rules} == {"everything"}
    assert masked.unmapped.policy_version and masked.unmapped.catalog_version
    assert masked.metadata.correlation_uid == TRACE
    assert masked.src_endpoint.ip == "127.0.0.1"


def test_sql_and_the_ways_beside(trail: Trail) -> None:
    sql = check(orjson.dumps(trail.of("sql")))
    assert isinstance(sql, Datastore) and sql.unmapped.rows == 1 and sql.query_info is not None
    (product,) = sql.unmapped.products or ()
    assert {column.name for column in product.columns} == {"region", "email"}, "what is compared is told as well"
    explained = check(orjson.dumps(trail.of("explain")))
    assert isinstance(explained, Datastore) and explained.activity_name == "Read"
    assert [product.name for product in explained.unmapped.products or ()] == ["sales.orders"]
    assert trail.of("catalog")["status"] == "Success"


CODES = {
    "document": (6005, "CH170"),
    "unknown": (6005, "CH20"), "syntax": (6005, "CH101"), "media": (6005, "CH141"), "method": (6005, "CH140"),
    "sql-unknown": (6005, "CH2"), "explain-refused": (6005, "CH311"), "no-token": (3002, "CH301"),
    "bad-token": (3002, "CH302"), "bad-purpose": (3002, "CH310"),
}  # fmt: skip


@pytest.mark.parametrize("request_id", CODES)
def test_refusals(request_id: str, trail: Trail) -> None:
    record = trail.of(request_id)
    class_, code = CODES[request_id]
    assert record["class_uid"] == class_
    assert record["unmapped"]["codes"][0].startswith(code), record["unmapped"]  # type: ignore[index]
    assert (record["status_id"], record["status"]) == (2, "Failure")
    assert "products" not in record["unmapped"]  # type: ignore[operator]


def test_who_asked_is_a_mark_that_the_operator_can_make(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    uids = {trail.of(name)["actor"]["user"]["uid"] for name in ("rows-1", "sql", "catalog")}  # type: ignore[index]
    place = ["--project", str(trail.folder / "project"), "--zone", "internal", "--issuer", "https://dev.shop.example"]
    assert main(["audit", "mark", *place, "--dev-keys", "clerk@shop.example"]) == 0
    assert uids == {capsys.readouterr().out.strip()}
    assert trail.of("clear")["actor"]["user"]["uid"] not in uids  # type: ignore[index]


def test_acts(trail: Trail) -> None:
    acts = [record for record in trail.records() if record["class_uid"] == 6003]
    told = [(record["api"]["operation"], record["status"]) for record in acts]  # type: ignore[index]
    for act in (("audit.start", "Success"), ("start", "Success"), ("reload", "Success"), ("reload", "Failure")):
        assert told.count(act) == 2, "by each worker"
    assert told.count(("audit.stop", "Success")) == 2


def test_nothing_that_was_asked_answered_or_claimed_is_recorded(trail: Trail) -> None:
    text = b"".join(path.read_bytes() for path in trail.folder.glob("audit*"))
    found = [canary for canary in (*CANARIES, *SUBJECTS) if re.search(rf"\b{re.escape(canary)}", text.decode())]
    assert found == []
    assert b"sales.orders" in text
