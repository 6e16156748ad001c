"""Refusals to partners have one shape each: their members are fixed, and nothing in them helps to guess."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.partner.house import House, Listener

GRAPHQL, PROBLEM = {"message", "extensions"}, {"type", "title", "status", "code", "request_id"}
WRONG = (
    "{",
    "",
    "{ peeple { totalCount } }",
    "{ people { nodes { nmae } } }",
    "{ people { nodes } }",
    "{ people(first: true, last: {}) { nodes { id { x } name { y } } } }",
    "{ people(first: -1) { nodes { id } } }",
    "{ people(first: 100000) { nodes { id } } }",
    "{ people(where: {regoin: {eq: 1}}) { totalCount } }",
    "{ people(orderBy: [{id: UP}]) { totalCount } }",
    '{ people(after: "nothing") { nodes { id } } }',
    "query A { __typename } query B { __typename }",
    "mutation { drop }",
    "subscription { all }",
    "fragment F on Person { id }",
    "{ a: people { totalCount } a: orders { totalCount } }",
    "{" * 300,
    "{ people { nodes { id } } }" + " " * 20_000 + "{",
)
VARIABLES: tuple[dict[str, object], ...] = (
    {},
    {"w": 1},
    {"w": {"regoin": {"eq": "x"}}},
    {"w": {"id": {"eq": "x", "gt": []}}},
)
TYPED = "query ($w: PersonWhere!, $n: Int!) { people(where: $w, first: $n) { totalCount } }"
STATEMENTS = (
    "SELEC",
    "SELECT idd FROM crm.people",
    "SELECT * FROM crm.peeple",
    "DROP TABLE crm.people",
    "SELECT 1; SELECT 2",
    "SELECT p.id FROM crm.people a, crm.people b",
    "SELECT id FROM crm.people, crm.orders",
    "SELECT pg_sleep(9)",
    "SELECT CAST(status AS INT) FROM crm.orders",
    "",
)


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_every_refusal_has_the_shape_of_its_kind(zone: str, house: House) -> None:
    seen: set[str] = set()
    for response in _refused(house[zone]):
        text = response.text
        assert response.status_code != 200 or "errors" in text, text
        for word in ("hint", "Did you mean", "locations", "position", "sqlstate", "detail"):
            assert word not in text, text
        if response.headers["content-type"].startswith("application/problem+json"):
            assert set(response.json()) == PROBLEM, text
            seen.add(response.json()["code"])
        else:
            assert set(response.json()) == {"errors"}, text
            (error,) = response.json()["errors"]
            assert set(error) == GRAPHQL, text
            assert set(error["extensions"]) == {"code", "request_id"}, text
            seen.add(error["extensions"]["code"])
    assert {"CH140", "CH141", "CH142", "CH144", "CH145", "CH151", "CH301"} <= seen
    if zone == "partner":
        assert {"CH101", "CH104", "CH105", "CH106", "CH107", "CH205", "CH160", "CH233", "CH234"} <= seen
    else:
        assert "CH167" in seen


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_refusals_of_a_kind_have_the_same_headers(zone: str, house: House) -> None:
    """Beside the length of the message, and what a status asks for by itself."""
    at = house[zone]
    for send in (lambda name: at.ask(f"{{ {name} }}"), lambda name: at.sql(f"SELECT 1 FROM crm.{name}")):
        heads = {
            tuple((key, value) for key, value in send(name).headers.raw if key.lower() != b"date")
            for name in ("peepla", "peeplb", "badges"[:6])
        }
        assert len(heads) == 1
    heads = {
        tuple((key, value) for key, value in at.send("GET", path).headers.raw if key.lower() != b"date")
        for path in ("/explain", "/graphiql/graphiql.min.js", "/", "/a/b/c", "/metrics", "/catalog/")
    }
    assert len(heads) == 1


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_there_is_no_page_for_people(zone: str, house: House) -> None:
    at = house[zone]
    page = at.send("GET", "/graphql", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("application/")
    assert "content-security-policy" not in page.headers
    assert at.send("GET", "/graphql", headers={"Accept": "text/html"}).status_code == 406
    for method in ("GET", "POST"):
        for path in ("/explain", "/", "/graphiql/graphiql.min.js"):
            assert at.send(method, path).json()["code"] == "CH151"


def test_an_error_beside_data_has_its_path_and_no_hint(house: House) -> None:
    said = house["partner"].ask("{ people(first: 1) { nodes { id } } broken(id: 1) { code } }").json()
    assert said["data"]["broken"] is None
    (error,) = said["errors"]
    assert set(error) == {"message", "path", "extensions"}
    assert set(error["extensions"]) == {"code"}


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_no_answer_tells_how_long_its_stages_took(zone: str, house: House) -> None:
    house[zone].ask("{ people(first: 1) { nodes { id } } }")
    assert all("server-timing" not in response.headers for response in house[zone].heard)


def test_people_of_the_house_are_told_more(house: House) -> None:
    """The same at the internal listener: hints, places, pages and times are there, so their absence above says much."""
    at = house["internal"]
    (error,) = at.ask("{ peopel { totalCount } }").json()["errors"]
    assert error["extensions"]["hint"] == "Did you mean 'people'?"
    assert error["locations"]
    assert len(at.ask(WRONG[5]).json()["errors"]) > 1
    assert at.send("GET", "/graphql", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")
    assert "server-timing" in at.ask("{ __typename }").headers
    assert {"detail", "position", "sqlstate"} <= set(at.sql("SELECT idd FROM crm.people").json())
    assert at.send("POST", "/explain", json={"query": "{ people { totalCount } }"}).status_code == 200


def _refused(at: Listener) -> Iterator[httpx.Response]:
    """Everything that can be wrong with a request, and is refused."""
    for text in WRONG:
        yield at.ask(text)
    for variables in VARIABLES:
        yield at.ask(TYPED, **variables)
    for statement in STATEMENTS:
        yield at.sql(statement)
    json = {"Content-Type": "application/json"}
    for path, body in (
        ("/graphql", b"{"),
        ("/graphql", b"[]"),
        ("/graphql", b"3"),
        ("/graphql", b'{"query": 3}'),
        ("/sql", b"{"),
    ):
        yield at.send("POST", path, content=body, headers=json)
    yield at.send("POST", "/sql", content=b'{"statment": "x"}', headers=json)
    for path in ("/graphql", "/sql"):
        yield at.send("POST", path, content=b"x", headers={"Content-Type": "text/plain"})
        yield at.send("PUT", path, json={})
        yield at.send("POST", path, "", json={})
        yield at.send("POST", path, "not.a.token", json={})
        yield at.send("POST", path, at.token[:-8] + "AAAAAAAA", json={})
        yield at.send(
            "POST", path, json={"query": "{ __typename }", "statement": "SELECT 1"}, headers={"X-Purpose": "none"}
        )
        yield at.send("GET", path, params={"query": "{", "statement": "SELEC"})
    yield at.send("POST", "/graphql", json={"query": "{ __typename }"}, headers={"Accept": "image/png"})
    for path in ("/catalog", "/schema.graphql"):
        yield at.send("GET", path, "not.a.token")
        yield at.send("POST", path)
    for path in ("/nothing", "/explain", "/", "/catalog/", "/docs", "/livez/x"):
        yield at.send("GET", path)
