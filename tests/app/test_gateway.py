"""The gateway as it is run: `customhouse serve` over a project, an engine and a database, asked with persona tokens."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from app.cli import main
from tests.app.process import ROOT, Process, until

QUERY = "{ orders(orderBy: [{id: ASC}]) { nodes { id region email } } }"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(Path(__file__).with_name("project"), tmp_path_factory.mktemp("run") / "project"))


@pytest.fixture(scope="module")
def process(project: Path) -> Iterator[Process]:
    """Started while the source's file is not there yet."""
    command = ["-m", "app.cli", "serve", "--project", str(project), "--zone", "internal", "--dev-keys"]
    running = Process(command, {"CUSTOMHOUSE_EXPLAIN": "roles:auditor"})
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        assert until(lambda: client.get("/readyz").json()["missing"] == ["sources"])
        assert client.get("/livez").status_code == 200
    with duckdb.connect(str(project / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, region VARCHAR, email VARCHAR)")
        connection.execute("INSERT INTO orders VALUES (1, 'north', 'a@x.example'), (2, 'south', 'b@x.example')")
    yield running
    assert running.stop() == 0
    assert running.errors == []


@pytest.fixture(scope="module")
def client(process: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as made:
        assert until(lambda: made.get("/readyz").status_code == 200)
        yield made


def bearer(project: Path, persona: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["token", "--project", str(project), "--as", persona]) == 0
    return {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}


def test_the_same_query_through_two_pairs_of_eyes(
    client: httpx.Client, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def nodes(persona: str, **headers: str) -> object:
        response = client.post("/graphql", headers=bearer(project, persona, capsys) | headers, json={"query": QUERY})
        assert response.status_code == 200, response.text
        return [list(node.values()) for node in response.json()["data"]["orders"]["nodes"]]

    assert nodes("clerk") == [[1, "north", "[redacted]"]]
    assert nodes("auditor") == [[1, "north", "[redacted]"], [2, "south", "[redacted]"]]
    clear = {"X-Purpose": "audit"}
    assert nodes("auditor", **clear) == [[1, "north", "a@x.example"], [2, "south", "b@x.example"]]


def test_dictionary_schema_and_why(client: httpx.Client, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clerk, auditor = bearer(project, "clerk", capsys), bearer(project, "auditor", capsys)
    assert [product["id"] for product in client.get("/catalog", headers=clerk).json()["products"]] == ["sales.orders"]
    assert "type Order implements Node" in client.get("/schema.graphql", headers=clerk).text
    assert client.post("/explain", headers=clerk, json={"query": QUERY}).status_code == 403
    why = client.post("/explain", headers=auditor, json={"query": QUERY})
    assert why.status_code == 200
    assert "everything" in json.dumps(why.json()["products"])
    wrong = client.post("/explain", headers=auditor, json={"query": "{ nothing }"})
    assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "CH101"),
        ("{ hidden }", None),
        ("query A { orders { totalCount } } query B { a }", None),
        ("query A { orders { totalCount } } query B { orders { totalCount } }", None),  # which of them is not said
        ("fragment F on Order { id }", None),
        ("{ __schema {} }", "CH101"),
        ("{ orders {} }", "CH101"),
        (" ", None),
    ],
)
def test_refused_documents(
    query: str, code: str | None, client: httpx.Client, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The codes the HTTP layer treats by themselves are the front end's; no data stands beside a refusal."""
    for accept, status in (("application/json", 200), ("application/graphql-response+json", 400)):
        headers = bearer(project, "clerk", capsys) | {"Accept": accept}
        response = client.post("/graphql", headers=headers, json={"query": query})
        assert response.status_code == status
        assert "data" not in response.json()
        assert code in (None, response.json()["errors"][0]["extensions"]["code"])


def test_reload_of_policies(
    client: httpx.Client, process: Process, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = project / "policies" / "sales.yaml"
    before, headers = policies.read_text(), bearer(project, "clerk", capsys)

    def total() -> object:
        answer = client.post("/graphql", headers=headers, json={"query": "{ orders { totalCount } }"}).json()
        return answer["data"]["orders"]["totalCount"]

    assert total() == 1
    policies.write_text(before.replace('rows: "region = claims.region"', "rows: \"region = 'nowhere'\""))
    process.wait_for("reloaded")
    assert total() == 0
    policies.write_text(before)
    assert until(lambda: total() == 1)


@pytest.mark.slow_parts
def test_the_public_audit(client: httpx.Client, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All checks of the GraphQL over HTTP audit (npm package graphql-http), where it is installed."""
    packages = ROOT / ".run" / "audit" / "node_modules"
    if shutil.which("node") is None or not (packages / "graphql-http").is_dir():
        pytest.skip("the npm packages graphql-http and graphql: make audit (needs npm)")
    script = packages.parent / "audit.mjs"
    script.write_text(
        "import { auditServer } from 'graphql-http';\n"
        "const [url, token] = process.argv.slice(2);\n"
        "const fetchFn = (to, o = {}) => fetch(to, { ...o, headers: { ...o.headers, authorization: token } });\n"
        "const found = await auditServer({ url, fetchFn });\n"
        "console.log(JSON.stringify(found.map(({ id, name, status }) => ({ id, name, status }))));\n"
    )
    headers = bearer(project, "clerk", capsys)
    said = subprocess.run(
        ["node", str(script), f"{client.base_url}/graphql".replace("//graphql", "/graphql"), headers["Authorization"]],
        capture_output=True,
        check=True,
        timeout=120,
    )
    found = json.loads(said.stdout)
    assert [one for one in found if one["status"] != "ok"] == []
    print(f"\nGraphQL over HTTP, public audit: {len(found)} of {len(found)}")
    assert len(found) == 61
