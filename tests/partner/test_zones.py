"""What one zone gave is worth nothing in another: tokens, cursors, node ids, masked values, join keys, documents.

Two processes over one project. Each thing is sent to the other zone beside an invented one of the same form: both must
be answered alike, but for what the caller wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import httpx
import pytest

from tests.app.issuer import Issuer
from tests.partner.house import ANALYST, AUDIENCES, DOCUMENTS, House, claims

WAYS = [("internal", "partner"), ("partner", "internal")]
CODES = "{ orders(first: 100) { nodes { id code } } }"
LOOK_UP = "query ($t: String!) { ordersDetokenize(column: CODE, token: $t) }"


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]} at {way[1]}")
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


def told(response: httpx.Response, sent: str) -> tuple[int, bytes]:
    return response.status_code, response.content.replace(sent.encode(), b"@")


def invented(text: str) -> str:
    """Another text of the same length."""
    return text[:-6] + "".join("b" if letter == "a" else "a" for letter in text[-6:])


@pytest.mark.parametrize("path", ["/graphql", "/sql", "/catalog", "/schema.graphql"])
def test_tokens(path: str, way: tuple[str, str], house: House) -> None:
    """As good as one of an issuer that nobody has heard of; at its own zone it is good."""
    here, there = way
    stranger = Issuer("ed-1")
    try:
        nobody = stranger.token("ed-1", **claims(ANALYST, AUDIENCES[there]))
        answers = []
        for token in (house[here].token, nobody):
            if path in ("/catalog", "/schema.graphql"):
                answers.append(house[there].send("GET", path, token))
            else:
                body = {"query": CODES} if path == "/graphql" else {"statement": "SELECT id FROM crm.orders"}
                answers.append(house[there].send("POST", path, token, json=body))
    finally:
        stranger.close()
    assert answers[0].status_code == 401
    assert told(answers[0], "") == told(answers[1], "")
    assert house[here].ask(CODES).status_code == 200


def test_tokens_for_the_audience_of_the_other_zone(way: tuple[str, str], house: House) -> None:
    """Also where the issuer is the right one."""
    here, there = way
    token = house.issuers[AUDIENCES[there]].token("ed-1", **claims(ANALYST, AUDIENCES[here]))
    assert house[there].ask(CODES, token).status_code == 401


@pytest.mark.parametrize("argument", ["after", "before"])
def test_cursors(argument: str, way: tuple[str, str], house: House) -> None:
    page = "{ people(first: 2) { edges { cursor } } }"
    here, there = (house[zone] for zone in way)
    cursor = here.data(page)["people"]["edges"][0]["cursor"]  # type: ignore[index]
    size = "first" if argument == "after" else "last"
    text = f"query ($c: String) {{ people({argument}: $c, {size}: 2) {{ nodes {{ id }} }} }}"
    assert told(there.ask(text, c=cursor), cursor) == told(there.ask(text, c=invented(cursor)), invented(cursor))
    assert "CH110" in there.ask(text, c=cursor).text
    assert "errors" not in here.ask(text, c=cursor).json()


def test_node_ids(way: tuple[str, str], house: House) -> None:
    here, there = (house[zone] for zone in way)
    id_ = here.data("{ people(first: 1) { nodes { nodeId } } }")["people"]["nodes"][0]["nodeId"]  # type: ignore[index]
    text = "query ($i: ID!) { node(id: $i) { nodeId ... on Person { id region } } }"
    assert told(there.ask(text, i=id_), id_) == told(there.ask(text, i=invented(id_)), invented(id_))
    assert here.data(text, i=id_)["node"] is not None


def test_masked_values(way: tuple[str, str], house: House) -> None:
    """The same rows have other tokens; one of the other zone finds no row and is not looked up."""
    here, there = (house[zone] for zone in way)
    codes = [
        {row["id"]: row["code"] for row in zone.data(CODES)["orders"]["nodes"] if row["code"]}  # type: ignore[index]
        for zone in (here, there)
    ]
    assert codes[0].keys() == codes[1].keys()
    assert len(codes[0]) > 5
    assert not set(codes[0].values()) & set(codes[1].values())
    token = next(iter(codes[0].values()))
    find = "query ($t: String!) { orders(where: {code: {eq: $t}}) { totalCount } }"
    for text in (find, LOOK_UP):
        answers = [told(there.ask(text, t=one), one) for one in (token, invented(token))]
        assert answers[0] == answers[1]
    assert there.data(find, t=token)["orders"] == {"totalCount": 0}
    assert here.data(find, t=token)["orders"] != {"totalCount": 0}
    assert here.data(LOOK_UP, t=token)["ordersDetokenize"] is not None


def test_join_keys(way: tuple[str, str], house: House) -> None:
    here, there = (house[zone] for zone in way)
    statement = "SELECT person__key FROM crm.orders WHERE person__key IS NOT NULL"
    keys = [set(zone.column(statement)) for zone in (here, there)]
    assert keys[0] and keys[1]
    assert not keys[0] & keys[1]
    key = str(next(iter(keys[0])))
    by = "SELECT id FROM crm.orders WHERE person__key = '{}'"
    assert told(there.sql(by.format(key)), key) == told(there.sql(by.format(invented(key))), invented(key))
    assert there.column(by.format(key)) == []


@pytest.mark.parametrize(
    "body",
    [
        lambda id_: {"documentId": f"sha256:{id_}"},
        lambda id_: {"documentId": id_},
        lambda id_: {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_}}},
    ],
    ids=["document", "bare document", "persisted query"],
)
def test_documents(body: Callable[[str], object], way: tuple[str, str], house: House) -> None:
    """An id that the other zone knows, or was asked to remember, is an id that nobody has made."""
    here, there = (house[zone] for zone in way)
    text = CODES.replace("{", f"query From{here.zone} {{", 1)  # what was sent the other way is known there
    id_ = hashlib.sha256(text.encode()).hexdigest()
    remember = {"query": text, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_}}}
    here.send("POST", "/graphql", json=remember)
    other = hashlib.sha256(b"invented").hexdigest()
    answers = [told(there.send("POST", "/graphql", json=body(one)), one) for one in (id_, other)]
    assert answers[0] == answers[1]
    assert b'"data"' not in answers[0][1]
    by_get = [told(there.send("GET", "/graphql", params={"documentId": one}), one) for one in (id_, other)]
    assert by_get[0] == by_get[1]


@pytest.mark.parametrize(("here", "there"), [("internal", "closed"), ("closed", "internal"), ("internal", "partner")])
def test_registered_documents(here: str, there: str, house: House) -> None:
    """By name, by hash and by address: an id of the other zone is an id that nobody has made."""
    name = DOCUMENTS[here].split()[1]
    (folder,) = {path.parent for path in house.project.glob(f"documents/{here}/registered/*.graphql")}
    (hash_,) = (path.stem for path in folder.glob("*.graphql"))
    for id_ in (name, hash_, f"sha256:{hash_}"):
        ways = [("POST", "/graphql", {"json": {"documentId": "@"}}), ("GET", "/q/@", {})]
        for method, path, body in ways:
            said = []
            for one in (id_, invented(id_)):
                sent = json.loads(json.dumps(body).replace("@", one))
                said.append(told(house[there].send(method, path.replace("@", one), **sent), one))
            assert said[0] == said[1]
            assert b'"data"' not in said[0][1]
    assert '"data"' in house[here].send("POST", "/graphql", json={"documentId": f"sha256:{hash_}"}).text


def test_a_zone_answers_the_same_beside_another(house: House) -> None:
    """What internal callers ask for does not change what partners are answered."""
    before = house["partner"].ask(CODES).content
    house["internal"].ask(CODES)
    house["internal"].sql("SELECT * FROM crm.orders")
    assert house["partner"].ask(CODES).content == before
    assert json.loads(before)["data"]
