"""First projects as cases (init.yaml), from DuckDB and SQLite: each loads, builds its schema and grants nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest
import yaml

from app.cli import main
from app.personas import load_personas
from app.project import Project, load_project
from app.steward.decisions import now
from app.steward.init import InitError, init, read_url
from app.steward.init_write import settings
from app.steward.live import compare
from app.steward.papers import caller_of
from app.steward.sources import opened
from policies.visible import visible
from schema.errors import LoadError
from schema.graphql import build
from tests.backends.bigquery_stand_in import House, serving
from tests.postgres import Server, postgres
from tests.steward.place import HERE

__all__ = ["postgres"]

CASES: list[Mapping[str, object]] = yaml.safe_load((HERE / "init.yaml").read_text(encoding="utf-8"))
ENGINES = ("duckdb", "sqlite")
RUNS = [(case, engine) for case in CASES for engine in ENGINES if case.get("engine", engine) == engine]


def started(at: Path, ddl: str, engine: str) -> Project:
    """A project made from a database with these tables."""
    database = at / f"shop.{engine}"
    if engine == "duckdb":
        with duckdb.connect(str(database)) as connection:
            connection.execute(ddl)
        url = f"duckdb:///{database}"
    else:
        desk = sqlite3.connect(database)
        desk.executescript(ddl)
        desk.close()
        url = f"sqlite:///{database}"
    asyncio.run(init(url, at / "out"))
    return load_project(at / "out")


async def differences(project: Project) -> list[LoadError]:
    async with opened(project) as backends:
        return await compare(project.catalog, backends)


@pytest.mark.parametrize(("case", "engine"), RUNS, ids=lambda value: value if isinstance(value, str) else value["name"])
def test_init(tmp_path: Path, case: Mapping[str, object], engine: str) -> None:
    project = started(tmp_path, str(case["ddl"]), engine)
    catalog = project.catalog
    assert build(catalog, "internal").sdl
    assert asyncio.run(differences(project)) == []

    analyst = caller_of(load_personas(project.root)["analyst"], catalog)
    assert not visible(project.policies, catalog, analyst, now(catalog, "internal")).columns

    wanted = case.get("products")
    if isinstance(wanted, dict):
        assert {
            product.id: {
                "key": list(product.key),
                "columns": list(product.columns),
                "relationships": {name: way.target for name, way in product.relationships.items()},
            }
            for product in catalog.products.values()
        } == wanted
    tags = case.get("tags")
    if isinstance(tags, dict):
        columns = next(iter(catalog.products.values())).columns
        assert {name: next(iter(columns[name].tags), None) for name in tags} == tags
    descriptions = case.get("descriptions")
    if isinstance(descriptions, dict):
        for name, text in descriptions.items():
            owner, _, column = name.rpartition(".")
            found = catalog.products[name] if name in catalog.products else catalog.products[owner].columns[column]
            assert found.description == text


URLS = [
    ("postgresql://ann:s3cr3t@db.example.org:5432/Sales%20Data", "postgres", "SALES_20_DATA_URL"),
    ("mysql+pymysql://ann:s3cr3t@db.example.org/sales?charset=utf8mb4", "sqlalchemy", "SALES_URL"),
    ("postgres://db.example.org/x?password=s3cr3t", "postgres", "X_URL"),
    ("postgresql://db.example.org", "postgres", "SOURCE_URL"),
    ("bigquery://acme/sales?location=s3cr3t", "bigquery", "SALES_URL"),
]


@pytest.mark.parametrize(("url", "kind", "variable"), URLS)
def test_a_password_is_never_written(tmp_path: Path, url: str, kind: str, variable: str) -> None:
    source, named = read_url(url, tmp_path)
    assert (source.kind, named) == (kind, variable)
    assert source.url == f"secret:env:{variable}"
    text = settings(source)
    assert "s3cr3t" not in text
    assert "example.org/" not in text.replace("https://dev.customhouse.example", "")


def test_an_existing_project_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started(tmp_path, "CREATE TABLE t (id BIGINT PRIMARY KEY)", "sqlite")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert main(["init", "--source", f"sqlite:///{tmp_path / 'shop.sqlite'}", "--out", str(tmp_path / "out")]) == 2
    assert "CH246" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("url", ["nonsense", "oracle://x", "secret:env:CUSTOMHOUSE_TEST_NOT_SET"])
def test_a_url_that_means_nothing(tmp_path: Path, url: str) -> None:
    with pytest.raises(InitError):
        asyncio.run(init(url, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_empty_database(tmp_path: Path) -> None:
    with pytest.raises(InitError, match="CH245"):
        started(tmp_path, "SELECT 1", "duckdb")


def test_a_reference_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = sqlite3.connect(tmp_path / "shop.sqlite")
    desk.executescript("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    desk.close()
    monkeypatch.setenv("SHOP_TEST_URL", f"sqlite:///{tmp_path / 'shop.sqlite'}")
    asyncio.run(init("secret:env:SHOP_TEST_URL", tmp_path / "out"))
    assert load_project(tmp_path / "out").catalog.sources["shop"].url == "secret:env:SHOP_TEST_URL"


def test_postgres(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Schemas, a foreign key between them, an enum, comments, a type without a word; and the password stays out."""
    dsn = postgres.database(
        "CREATE SCHEMA crm",
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE TABLE crm.people (id bigint PRIMARY KEY, email text, feels mood, search tsvector)",
        "COMMENT ON TABLE crm.people IS 'People: all of them'",
        "CREATE TABLE orders (id uuid PRIMARY KEY, person_id bigint REFERENCES crm.people, at timestamptz)",
    )
    url, out = dsn.replace("postgres@", "postgres:s3cr3t@"), tmp_path / "out"
    database = dsn.rpartition("/")[2]
    assert main(["init", "--source", url, "--out", str(out), "--domain", "sales"]) == 0
    printed = capsys.readouterr()
    variable = f"{database.upper()}_URL"
    assert f"set {variable} to it" in printed.err
    files = [path.read_text(encoding="utf-8") for path in out.rglob("*.yaml")]
    assert not any("s3cr3t" in text for text in [*files, printed.out, printed.err])

    project = load_project(out)
    people, orders = project.catalog.products["crm.people"], project.catalog.products["sales.orders"]
    assert (people.description, list(people.columns)) == ("People: all of them", ["id", "email", "feels"])
    assert people.columns["email"].tags == {"pii.email"}
    assert {name: way.target for name, way in orders.relationships.items()} == {"person": "crm.people"}
    assert any('left out: "search", whose type "tsvector"' in text for text in files)
    monkeypatch.setenv(variable, url)
    assert asyncio.run(differences(project)) == []


def test_a_dataset_of_bigquery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables' own resources tell keys, comments and types; compared with them, the project fits."""
    fields = [
        {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
        {"name": "total", "type": "NUMERIC", "precision": "12", "scale": "2", "description": "In euros."},
        {"name": "lines", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "sku", "type": "STRING"}]},
    ]
    key = {"primaryKey": {"columns": ["id"]}}
    house = House(
        tables={"orders": {"schema": {"fields": fields}, "tableConstraints": key, "description": "An order."}}
    )
    with serving(house) as address:
        url = f"bigquery://acme/sales?endpoint={address}"
        asyncio.run(init(url, tmp_path / "out"))
        monkeypatch.setenv("SALES_URL", url)
        project = load_project(tmp_path / "out")
        (orders,) = project.catalog.products.values()
        assert (orders.key, orders.physical, orders.description) == (("id",), ("orders",), "An order.")
        assert [str(column.type) for column in orders.columns.values()] == [
            "bigint",
            "decimal(12,2)",
            "array<struct<sku: string>>",
        ]
        assert asyncio.run(differences(project)) == []
