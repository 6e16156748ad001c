"""Limits as a client meets them: `customhouse serve` with an internal zone that sets each, and one of partners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.tokens.development import mint
from schema.load import load_catalog
from tests.app.process import Process, until
from tests.partners.house import PROJECT, place

Ask = Callable[..., httpx.Response]
SETTINGS = (PROJECT / "customhouse.yaml").read_text()
ZONES = SETTINGS[SETTINGS.index("zones:") :]
LIMITS = """
      page_size: 5
      max_page_size: 8
      max_answer_bytes: 200
      max_body_bytes: 2000
      max_header_bytes: 1500
      max_token_bytes: 900
      max_root_fields: 2
      max_cost: 20
"""
HEAD, TOKEN, BODY, COST = 1500, 900, 2000, 20
ORDERS = {"query": "{ orders { nodes { id } } }"}
LISTS = "query ($n: Int) { orders(first: 2) { nodes { customer { orders(first: $n) { nodes { id } } } } } }"


def zone(limits: str, more: str = "") -> str:
    return f"zones:\n  internal:\n    issuers: [dev]\n{more}    limits:{limits}"


@pytest.fixture(scope="module", params=["internal"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Process]]:
    yield from serving(tmp_path_factory.mktemp("limits") / "p", zone(LIMITS))


def serving(folder: Path, zones: str) -> Iterator[tuple[Path, Process]]:
    place(folder, {ZONES: zones})
    policies = folder / "policies" / "sales.yaml"
    policies.write_text(policies.read_text().replace("zone: partner, ", ""))
    process = Process(["-m", "app.cli", "serve", "--project", str(folder), "--dev-keys", "--workers", "1"], {})
    with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
    yield folder, process
    assert process.stop() == 0


def asking(served: tuple[Path, Process]) -> Ask:
    folder, process = served
    issuer = load_catalog(folder, None).issuers["dev"]

    def ask(json: object = None, subject: str = "ann", headers: dict[str, str] | None = None, **more: object):
        token = mint(issuer, folder, subject, {"region": "north"}, 3600)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        method = "POST" if json is not None or "content" in more else "GET"
        with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
            return client.request(method, str(more.pop("path", "/graphql")), json=json, headers=sent, **more)

    return ask


@pytest.fixture
def ask(served: tuple[Path, Process]) -> Ask:
    return asking(served)


def code(response: httpx.Response) -> str | None:
    said = response.json()
    return said["errors"][0]["extensions"]["code"] if "errors" in said else said.get("code")


def test_a_body_at_its_edge(ask: Ask) -> None:
    text = b'{"query": "{ __typename }"'
    for size, found in ((BODY, None), (BODY + 1, "CH143")):
        body = text + b" " * (size - len(text) - 1) + b"}"
        response = ask(content=body, headers={"Content-Type": "application/json"})
        assert (code(response), response.status_code) == (found, 413 if found else 200)


@pytest.mark.parametrize("path", ["/graphql", "/catalog", "/nothing"])
def test_a_head_at_its_edge(ask: Ask, path: str) -> None:
    sent = ask({"query": "{ __typename }"}).request if path == "/graphql" else ask(path=path).request
    size = sum(len(name) + len(value) + 4 for name, value in sent.headers.raw) + len("X-Padding") + 4
    for padding, refused in ((HEAD - size, False), (HEAD - size + 1, True)):
        json = {"query": "{ __typename }"} if path == "/graphql" else None
        response = ask(json, path=path, headers={"X-Padding": "x" * padding})
        assert (response.status_code == 431, code(response) == "CH163") == (refused, refused)


def test_a_token_at_its_edge(ask: Ask) -> None:
    """What is long enough to be looked at is refused for what it is; what is longer, for being long."""
    for size, found in ((TOKEN, "no signed"), (TOKEN + 1, "longer than 900 bytes")):
        response = ask(ORDERS, headers={"Authorization": "Bearer " + "x" * size})
        said = response.json()["errors"][0]
        assert (response.status_code, said["extensions"]["code"]) == (401, "CH302")
        assert ("longer than" in said["message"]) == (found != "no signed")


def test_a_page_at_its_edge(ask: Ask) -> None:
    for first, found in ((8, None), (9, "CH603")):
        variables = {"query": "query ($n: Int) { orders(first: $n) { nodes { id } } }", "variables": {"n": first}}
        assert code(ask(variables)) == found
    assert code(ask({"query": "{ orders(first: 9) { nodes { id } } }"})) == "CH113"
    assert len(ask(ORDERS).json()["data"]["orders"]["nodes"]) == 5


def test_an_answer_that_is_too_long(ask: Ask) -> None:
    fields = " ".join(f"a{at}: region" for at in range(30))
    assert code(ask({"query": f"{{ orders(first: 1) {{ nodes {{ {fields} }} }} }}"})) is not None
    assert code(ask({"query": "{ orders(first: 1) { nodes { region } } }"})) is None


def test_a_document_at_its_edge(ask: Ask) -> None:
    assert code(ask({"query": "{ __typename a: __typename }"})) is None
    assert code(ask({"query": "{ __typename a: __typename b: __typename }"})) == "CH103"


def test_a_cost_at_its_edge(ask: Ask) -> None:
    """1 for the list, and for each of two orders: itself, its customer, a list and so many orders."""
    for n, found in ((6, None), (7, "CH624")):
        for text, variables in ((LISTS, {"n": n}), (LISTS.replace("($n: Int)", "").replace("$n", str(n)), {})):
            for _ in range(2):  # also when it is known
                response = ask({"query": text, "variables": variables})
                assert code(response) == found, (n, text)
                assert (response.json().get("data") is None) == (found is not None)
    assert ask({"query": LISTS, "variables": {"n": 7}}).json()["errors"][0]["message"] == (
        "The query may cost 21, which is more than 20."
    )


def test_whoever_asks_is_told_the_cost(ask: Ask) -> None:
    wanted = {"cost": {"estimated": 6, "actual": 6}}
    told = ask(ORDERS, headers={"X-Cost": "1"}).json()
    assert (len(told["data"]["orders"]["nodes"]), told["extensions"]) == (5, wanted)
    assert ask({**ORDERS, "extensions": {"cost": True}}).json() == told
    assert ask(params=ORDERS, headers={"X-Cost": "1"}).json() == told
    one = {"query": "{ orders(where: {id: {eq: 1}}) { nodes { customer { name } } } }"}
    assert ask(one, headers={"X-Cost": "1"}).json()["extensions"] == {"cost": {"estimated": 11, "actual": 3}}


@pytest.mark.parametrize("headers", [{}, {"X-Cost": "0"}, {"X-Cost": "yes"}])
def test_nobody_else_is(ask: Ask, headers: dict[str, str]) -> None:
    assert set(ask({**ORDERS, "extensions": {"cost": 1}}, headers=headers).json()) == {"data"}


def test_the_schema_says_what_it_costs(ask: Ask) -> None:
    text = ask(path="/schema.graphql").text
    assert "directive @cost(weight: String!) on" in text
    assert 'sizedFields: ["nodes", "edges"], requireOneSlicingArgument: false)' in text
    names = ask({"query": "{ __schema { directives { name } } }"})
    assert code(names) is not None or {"name": "cost"} in names.json()["data"]["__schema"]["directives"]


def test_partners_are_told_no_cost_unless_the_zone_says_so(tmp_path: Path) -> None:
    for shown, number in ((False, 0), (True, 1)):
        said = "\n      show_cost: true\n" if shown else " {}\n"
        partners = "    exposure: partner\n    operations: any\n    publish: {sales.orders: {}, sales.customers: {}}\n"
        for served in serving(tmp_path / str(number), zone(said, partners)):
            told = asking(served)(ORDERS, headers={"X-Cost": "1"}).json()
            assert set(told) == ({"data", "extensions"} if shown else {"data"})
            assert set(asking(served)({**ORDERS, "extensions": {"cost": True}}).json()) == set(told)


def left(response: httpx.Response) -> dict[str, int]:
    items = [item.split(";") for item in response.headers["ratelimit"].split(", ")]
    return {name.strip('"'): int(units.removeprefix("r=")) for name, units, _ in items}


def test_callers_have_rates(tmp_path: Path) -> None:
    rates = "\n      page_size: 5\n      rate: {requests: 6/1h, cost: 20/1h}\n"
    for served in serving(tmp_path / "p", zone(rates)):
        ask = asking(served)
        first = ask(ORDERS)
        assert first.headers["ratelimit-policy"] == '"caller";q=6;w=3600, "cost";q=20;w=3600;qu="cost"'
        assert left(first) == {"caller": 5, "cost": 14}
        assert left(ask({"query": "{ nothing }"})) == {"caller": 4, "cost": 14}
        assert left(ask(path="/catalog")) == {"caller": 3, "cost": 14}
        assert ask({"statement": "SELECT id FROM sales.orders LIMIT 9"}, path="/sql").status_code == 200
        refused = ask(ORDERS)
        assert (refused.status_code, code(refused)) == (429, "CH626")
        assert int(refused.headers["retry-after"]) > 0
        assert left(refused) == {"caller": 1, "cost": 5}
        assert ask({"query": "{ order(id: 1) { id } }"}).status_code == 200
        gone = ask(path="/catalog")
        assert (gone.status_code, code(gone), left(gone)["caller"]) == (429, "CH625", 0)
        assert left(ask(ORDERS, subject="ben")) == {"caller": 5, "cost": 14}
