"""Answers that may be kept: to GET, of products whose stewards allow it, by the caller alone, not a moment too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import duckdb
import httpx
import pytest

from app.cli import main
from app.http.exchange import Exchange
from app.http.fresh import kept
from resolvers.operation import Answer
from schema.caller import Caller
from tests.app.process import Process, until

PROJECT = """\
version: 1
sources:
  shop: {kind: duckdb, url: shop.duckdb}
  gone: {kind: postgres, url: "postgresql://nobody@127.0.0.1:1/none", required: false}
claims: {roles: {type: list<string>}}
issuers:
  dev: {issuer: "https://dev.example", audiences: [x], development: true, max_lifetime: 1h, purposes: purposes}
zones: {internal: {issuers: [dev]}}
"""
CATALOG = """\
domains: {d: {description: Things, steward: T <t@x.example>}}
products:
"""
PRODUCT = """\
  d.{name}:
    description: One
    source: {source}
    table: {name}
    key: [id]
    cache: {cache}
    freshness: {freshness}
    columns:
      id: {{type: integer, description: N}}
      name: {{type: string, description: N, tags: [pii.name]}}
"""
PRODUCTS = [
    {"name": "colors", "source": "shop", "cache": "true", "freshness": "1h"},
    {"name": "stocks", "source": "shop", "cache": "false", "freshness": "1h"},
    {"name": "brief", "source": "shop", "cache": "true", "freshness": "1s"},
    {"name": "gone", "source": "gone", "cache": "true", "freshness": "1h"},
]
POLICIES = """\
grants: [{name: all, on: {products: [d.colors, d.stocks, d.brief, d.gone]}, when: "'reader' IN claims.roles"}]
masks: [{name: names, on: {tag: pii.name}, mask: redact, reveal_when: "request.purpose = 'audit'"}]
"""
PERSONAS = """\
ann: {description: Reads, subject: ann, claims: {roles: [reader]}, purposes: [audit]}
bob: {description: Reads, subject: bob, claims: {roles: [reader]}, purposes: [audit]}
"""
COLORS = "{ colors { nodes { name } } }"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    for name, text in {
        "customhouse.yaml": PROJECT,
        "catalog/d.yaml": CATALOG + "".join(PRODUCT.format(**one) for one in PRODUCTS),
        "policies/d.yaml": POLICIES,
        "personas.yaml": PERSONAS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        for table in ("colors", "stocks", "brief"):
            connection.execute(f"CREATE TABLE {table} AS SELECT i AS id, 'red' AS name FROM range(200) r(i)")
    return folder


@pytest.fixture(scope="module")
def client(project: Path) -> Iterator[httpx.Client]:
    command = ["-m", "app.cli", "serve", "--project", str(project), "--zone", "internal", "--dev-keys"]
    process = Process(command, {})
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as made:
        assert until(lambda: made.get("/readyz").status_code == 200)
        yield made
    process.stop()


@pytest.fixture
def ann(client: httpx.Client, project: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return bearer(project, "ann", capsys)


def bearer(project: Path, persona: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["token", "--project", str(project), "--as", persona, "--lifetime", "30m"]) == 0
    return {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}


def get(client: httpx.Client, query: str, headers: dict[str, str]) -> httpx.Response:
    return client.get("/graphql", params={"query": query}, headers=headers)


def varies(answer: httpx.Response) -> set[str]:
    return {part.strip() for part in answer.headers["vary"].split(",")}


def test_kept_and_confirmed(client: httpx.Client, ann: dict[str, str]) -> None:
    answer = get(client, COLORS, ann)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=30")
    assert varies(answer) == {"Accept", "Accept-Encoding", "Authorization", "X-Purpose"}
    tag = answer.headers["etag"]
    for said in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        same = get(client, COLORS, ann | {"If-None-Match": said})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert same.headers["cache-control"] == "private, max-age=30"
        assert varies(same) == varies(answer)
        assert not {"content-length", "content-type", "content-encoding", "transfer-encoding"} & set(same.headers)
    for said in ('"x"', "x", ""):
        assert get(client, COLORS, ann | {"If-None-Match": said}).content == answer.content
    coded = get(client, COLORS, ann | {"Accept-Encoding": "zstd"})
    assert (coded.headers["content-encoding"], coded.headers["etag"]) == ("zstd", tag)
    plain = get(client, COLORS, ann | {"Accept-Encoding": "identity"})
    assert ("content-encoding" in plain.headers, plain.headers["etag"]) == (False, tag)


def test_a_tag_is_its_callers(
    client: httpx.Client, ann: dict[str, str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same bytes under another tag: nobody finds out by a tag what somebody else was answered."""
    bob = bearer(project, "bob", capsys)
    his, hers = get(client, COLORS, bob), get(client, COLORS, ann)
    assert his.content == hers.content
    assert his.headers["etag"] != hers.headers["etag"]
    assert get(client, COLORS, bob | {"If-None-Match": hers.headers["etag"]}).status_code == 200
    clear = get(client, COLORS, ann | {"X-Purpose": "audit", "If-None-Match": hers.headers["etag"]})
    assert (clear.status_code, clear.json()["data"]["colors"]["nodes"][0]["name"]) == (200, "red")
    assert get(client, COLORS, {"If-None-Match": "*"}).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "{ stocks { nodes { name } } }",
        "{ stocks { totalCount } }",
        "{ colors { totalCount } stocks { totalCount } }",
        "{ gone { nodes { name } } }",
        "{ colors { totalCount } gone { totalCount } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ nothing }",
        "{",
    ],
)
def test_what_may_not_be_kept(query: str, client: httpx.Client, ann: dict[str, str]) -> None:
    for said in ({}, {"If-None-Match": "*"}):
        answer = get(client, query, ann | said)
        assert answer.status_code != 304
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_a_post_is_never_kept(client: httpx.Client, ann: dict[str, str]) -> None:
    answer = client.post("/graphql", headers=ann | {"If-None-Match": "*"}, json={"query": COLORS})
    assert (answer.status_code, answer.headers["cache-control"], "etag" in answer.headers) == (200, "no-store", False)


def test_no_longer_than_its_rows_are_fresh(client: httpx.Client, ann: dict[str, str], project: Path) -> None:
    query = "{ brief { totalCount } }"
    answer = get(client, query, ann)
    assert answer.headers["cache-control"] in ("private, max-age=1", "private, no-cache")
    time.sleep(0.3)
    older = get(client, query, ann)  # from the result that is kept here: less than a second of it is left
    assert older.headers["cache-control"] in ("private, no-cache", "private, max-age=1")
    assert older.headers["etag"] == answer.headers["etag"]


CALLER = Caller("ann", "i", "internal", {}, expires=0.0, digest="d")


@pytest.mark.parametrize(
    ("fresh", "lives", "control"),
    [
        (3600.0, 3600.0, b"private, max-age=30"),
        (12.9, 3600.0, b"private, max-age=12"),
        (3600.0, 7.9, b"private, max-age=7"),
        (0.9, 3600.0, b"private, no-cache"),
        (3600.0, 0.5, b"private, no-cache"),
    ],
)
def test_how_long(fresh: float, lives: float, control: bytes) -> None:
    found = kept(asked(), Answer(b"x", fresh=fresh), replace(CALLER, expires=time.time() + lives), b"key")
    assert found is not None
    assert found.control == control


def asked(method: str = "GET", **headers: str) -> Exchange:
    scope: dict[str, Any] = {"method": method, "query_string": b"", "headers": [], "path": "/graphql"}
    scope["headers"] = [(name.encode(), text.encode()) for name, text in headers.items()]
    return Exchange(scope, cast(Any, None), cast(Any, None), 30)


def test_tags_have_keys() -> None:
    caller = replace(CALLER, expires=time.time() + 60)
    answer = Answer(b"x", fresh=9.0)
    tags = {
        kept(asked(), one, who, key).headers[0][1]
        for one, who, key in [  # type: ignore[union-attr]
            (answer, caller, b"key"),
            (answer, caller, b"another zone's"),
            (answer, replace(caller, digest="e"), b"key"),
            (answer._replace(body=b"y"), caller, b"key"),
        ]
    }
    assert len(tags) == 4
    assert kept(asked("POST"), answer, caller, b"key") is None
    assert kept(asked(), answer._replace(status=294), caller, b"key") is None
