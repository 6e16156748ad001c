"""The SQL endpoint as it is run: `customhouse serve` over the house of the attacks, asked by a real client."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.cli import main
from tests.app.process import Process, until
from tests.sql.corpus import PROJECT, seed

ROWS = "SELECT id, name, region, birth FROM crm.customers ORDER BY id"
WANTED = [
    ["1", "Ana", "EU", "1980-01-01"],
    ["2", "Ben", "EU", "1981-01-01"],
    ["3", "Cleo", "EU", "1982-01-01"],
    ["4", "Dora", "EU", "1983-01-01"],
    ["5", "Emil", "EU", "1984-01-01"],
    ["6", "Fay", "EU", None],
]
MANY = "SELECT a.id, g.n FROM crm.customers a, generate_series(1, 100000) AS g(n)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(PROJECT, tmp_path_factory.mktemp("sql") / "project"))
    settings = folder / "customhouse.yaml"
    settings.write_text(settings.read_text().replace("sql: {timeout: 3s}", "sql: {timeout: 20s, max_rows: 200000}"))
    with duckdb.connect(str(folder / "crm.duckdb")) as connection:
        for statement in seed():
            connection.execute(statement)
    return folder


@pytest.fixture(scope="module")
def client(project: Path) -> Iterator[httpx.Client]:
    running = Process(["-m", "app.cli", "serve", "--project", str(project), "--zone", "internal", "--dev-keys"], {})
    with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as made:
        assert until(lambda: made.get("/readyz").status_code == 200)
        yield made
    assert running.stop() == 0
    assert running.errors == []


@pytest.fixture
def bearer(project: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["token", "--project", str(project), "--as", "analyst"]) == 0
    return {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}


Headers = dict[str, str]


def test_json(client: httpx.Client, bearer: Headers) -> None:
    response = client.post("/sql", headers=bearer, json={"statement": ROWS})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    said = response.json()
    assert said["columns"][0] == {"name": "id", "type": "bigint"}
    assert (said["rows"], said["row_count"]) == (WANTED, 6)


def test_get_with_parameters(client: httpx.Client, bearer: Headers) -> None:
    asked = {"statement": "SELECT name FROM crm.customers WHERE id = $1", "parameters": "[3]"}
    assert client.get("/sql", headers=bearer, params=asked).json()["rows"] == [["Cleo"]]


def test_every_format(client: httpx.Client, bearer: Headers) -> None:
    def body(accept: str) -> bytes:
        response = client.post("/sql", headers=bearer | {"Accept": accept}, json={"statement": ROWS})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith(accept)
        return response.content

    lines = [json.loads(line) for line in body("application/x-ndjson").splitlines()]
    assert [list(line.values()) for line in lines] == WANTED
    table = list(csv.reader(io.StringIO(body("text/csv").decode())))
    assert table[1:] == [[cell or "" for cell in row] for row in WANTED]
    for arrow in (
        pa.ipc.open_stream(body("application/vnd.apache.arrow.stream")).read_all(),
        pq.read_table(io.BytesIO(body("application/vnd.apache.parquet"))),
    ):
        assert arrow.column("name").to_pylist() == [row[1] for row in WANTED]


def test_compression(client: httpx.Client, bearer: Headers) -> None:
    response = client.post("/sql", headers=bearer | {"Accept-Encoding": "gzip"}, json={"statement": ROWS})
    assert (response.headers["content-encoding"], response.json()["rows"]) == ("gzip", WANTED)


def test_refusals(client: httpx.Client, bearer: Headers) -> None:
    def refused(statement: str, **more: object) -> dict[str, object]:
        response = client.post("/sql", headers=bearer, json={"statement": statement, **more})
        assert response.headers["content-type"] == "application/problem+json"
        said: dict[str, object] = response.json()
        assert said["status"] == response.status_code
        return said

    said = refused("SELECT id,\n nmae FROM crm.customers")
    assert (said["code"], said["sqlstate"], said["detail"]) == ("CH234", "42703", "Did you mean 'name'?")
    assert said["position"] == {"line": 2, "column": 2}
    hidden, missing = refused("SELECT ssn FROM crm.customers"), refused("SELECT snn FROM crm.customers")
    assert {**hidden, "title": "", "request_id": ""} == {**missing, "title": "", "request_id": ""}
    assert refused("DELETE FROM crm.customers")["code"] == "CH161"
    assert refused("SELECT FROM WHERE")["sqlstate"] == "42601"
    assert refused("SELECT 1", format="xml")["code"] == "CH145"
    assert refused("SELECT 1", formt="csv")["detail"] == "Did you mean 'format'?"
    assert refused("SELECT team FROM crm.payroll")["code"] == "CH451"
    assert client.post("/sql", json={"statement": "SELECT 1"}).status_code == 401
    assert client.put("/sql", headers=bearer).headers["allow"] == "GET, POST"
    unacceptable = client.post("/sql", headers=bearer | {"Accept": "image/png"}, json={"statement": "SELECT 1"})
    assert (unacceptable.status_code, unacceptable.json()["code"]) == (406, "CH142")


def test_too_many_rows_end_visibly(client: httpx.Client, bearer: Headers) -> None:
    """JSON says it; CSV breaks off without the end of the body, which a client takes for what it is."""
    said = client.post("/sql", headers=bearer, json={"statement": MANY}).json()
    assert (said["error"]["code"], "row_count" in said) == ("CH601", False)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/sql", headers=bearer | {"Accept": "text/csv"}, json={"statement": MANY})
    assert client.post("/sql", headers=bearer, json={"statement": ROWS}).json()["rows"] == WANTED


def test_a_client_that_leaves_makes_room(client: httpx.Client, bearer: Headers) -> None:
    """Eight answers that are broken off by their reader: more than one caller may have at once."""
    for _ in range(8):
        with client.stream("POST", "/sql", headers=bearer, json={"statement": MANY}) as response:
            assert response.status_code == 200
    assert until(lambda: client.post("/sql", headers=bearer, json={"statement": ROWS}).status_code == 200)


def test_the_command_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sql", "--project", str(project), "--as", "analyst"]
    assert main([*asked, ROWS]) == 0
    assert "6  | Fay  | EU     |\n(6 rows)" in capsys.readouterr().out
    assert main([*asked, "--format", "csv", ROWS]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "1,Ana,EU,1980-01-01"
    assert main([*asked, "--explain", "SELECT 1 / (id - 7) FROM crm.customers WHERE email LIKE '%x'"]) == 0
    told = capsys.readouterr().out
    assert "source 'main'" in told and '"~ok"' in told and "claim regions" in told
    assert main([*asked, "SELECT nope FROM crm.customers"]) == 1
    assert "At line 1, column 8." in capsys.readouterr().err
