"""Quotas and the claim that names a partner, as a client meets them: `customhouse serve` with two workers that share
what they count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.process import Process, until
from tests.partners.house import place, token
from tests.results.valkey import Valkey

QUOTA = "https://iana.org/assignments/http-problem-types#quota-exceeded"
ORDERS = {"query": "{ orders { nodes { id } } }"}
CUSTOMERS = {"query": "{ customers { nodes { id } } }"}
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, server: Valkey) -> Iterator[tuple[Path, Process]]:
    folder = place(tmp_path_factory.mktemp("partners") / "p")
    command = ["-m", "app.cli", "serve", "--project", str(folder), "--zone", "partner", "--dev-keys", "--workers", "2"]
    environ = {"CUSTOMHOUSE_CACHE_URL": server.url, "CUSTOMHOUSE_EXPLAIN": "region:north"}
    process = Process(command, environ)
    for number in range(2):
        process.wait_for("serving", worker=number)
    with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)
    yield folder, process
    assert process.stop() == 0


@pytest.fixture
def ask(served: tuple[Path, Process], valkey: Valkey) -> Iterator[Ask]:
    """One request on a connection of its own, so that both workers answer. What was counted before is forgotten."""
    folder, process = served

    def asked(method: str, path: str, partner: str | None = "agency", **more: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(folder, partner)}", **dict(more.pop("headers", {}))}
        with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
            return client.request(method, path, headers=headers, **more)

    yield asked


def left(response: httpx.Response) -> dict[str, int]:
    items = [item.split(";") for item in response.headers["ratelimit"].split(", ")]
    return {name.strip('"'): int(units.removeprefix("r=")) for name, units, _ in items}


@pytest.mark.parametrize("partner", [None, "nobody", "Agency", ""])
@pytest.mark.parametrize("path", ["/graphql", "/sql", "/catalog", "/schema.graphql", "/openapi.json"])
def test_a_token_of_no_partner_is_refused_in_the_same_words(ask: Ask, path: str, partner: str | None) -> None:
    method = "GET" if path in ("/catalog", "/schema.graphql", "/openapi.json") else "POST"
    response = ask(
        method, path, partner, headers={"X-Request-Id": "one"}, **({"json": ORDERS} if method == "POST" else {})
    )
    said = response.json()
    assert response.status_code == 403
    assert (said["errors"][0]["extensions"] if path == "/graphql" else said)["code"] == "CH312"
    text = said["errors"][0]["message"] if path == "/graphql" else said["title"]
    assert text == "The token is of no partner of this zone."
    assert "ratelimit" not in response.headers


def test_every_answer_says_what_is_left(ask: Ask) -> None:
    """Of one count, whichever worker answers; rows are those of the answer."""
    found = [
        left(ask("POST", "/graphql", json=ORDERS)),
        left(ask("POST", "/graphql", json={"query": "{ nothing }"})),
        left(ask("POST", "/sql", json={"statement": "SELECT id FROM sales.orders LIMIT 5"})),
        left(ask("GET", "/catalog")),
        left(ask("GET", "/schema.graphql")),
        left(ask("GET", "/openapi.json")),
    ]
    rows = [28, 28, 28, 23, 23, 23]  # what SQL takes is known when its last row has been read
    assert found == [{"requests": 5 - at, "rows": rows[at]} for at in range(6)]


def test_requests_are_refused_when_they_are_used_up(ask: Ask) -> None:
    for _ in range(6):
        assert ask("POST", "/graphql", json=ORDERS | {"query": "{ __typename }"}).status_code == 200
    refused = ask("POST", "/graphql", json=ORDERS)
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "CH620"
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert refused.headers["ratelimit-policy"] == '"requests";q=6;w=3600, "rows";q=40;w=3600;qu="rows"'
    assert left(refused) == {"requests": 0, "rows": 40}
    for method, path in (("POST", "/sql"), ("GET", "/catalog"), ("GET", "/schema.graphql"), ("GET", "/openapi.json")):
        beside = ask(method, path)
        said = beside.json()
        assert (beside.status_code, said["code"], said["type"], said["status"]) == (429, "CH620", QUOTA, 429), path
        assert beside.headers["content-type"].startswith("application/problem+json")
        assert (left(beside)["requests"], "retry-after" in beside.headers) == (0, True)
    assert ask("POST", "/graphql", "airline", json=ORDERS).status_code == 200


def test_rows_are_refused_when_they_are_used_up_and_no_answer_is_cut(ask: Ask) -> None:
    statement = "SELECT a.id, g.n FROM sales.orders a, generate_series(1, 10) AS g(n)"
    whole = ask("POST", "/sql", json={"statement": statement})
    assert whole.json()["row_count"] == 120
    refused = ask("POST", "/graphql", json=ORDERS)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "CH621")
    assert int(refused.headers["retry-after"]) > 3600
    assert left(refused) == {"requests": 5, "rows": 0}


@pytest.mark.parametrize("path", ["/graphql", "/sql"])
def test_a_product_is_refused_before_a_source_is_asked(ask: Ask, path: str) -> None:
    asked = {"/graphql": CUSTOMERS, "/sql": {"statement": "SELECT id FROM sales.customers"}}[path]
    for _ in range(2):
        assert ask("POST", path, json=asked).status_code == 200
    refused = ask("POST", path, json=asked)
    said = refused.json()
    error = said["errors"][0] if path == "/graphql" else said
    assert (refused.status_code, error.get("message", error.get("title"))) == (
        429,
        "The quota of 'sales.customers' is used up.",
    )
    assert left(refused)["rows"] == 32, "nothing was read"
    assert ask("POST", "/graphql", json=ORDERS).status_code == 200


def test_a_used_up_product_does_not_tell_that_another_exists(ask: Ask) -> None:
    """What is not in the zone is unknown in the same words, whatever is used up."""
    asked = {"query": "{ customers { nodes { id } } secrets { nodes { id } } }"}
    before = ask("POST", "/graphql", json=asked, headers={"X-Request-Id": "one"})
    for _ in range(2):
        assert ask("POST", "/graphql", json=CUSTOMERS).status_code == 200
    after = ask("POST", "/graphql", json=asked, headers={"X-Request-Id": "one"})
    assert (after.status_code, after.content) == (before.status_code, before.content)
    assert ask("POST", "/graphql", json=CUSTOMERS).status_code == 429


def test_the_log_names_the_partner(ask: Ask, served: tuple[Path, Process]) -> None:
    ask("POST", "/graphql", "airline", json=ORDERS, headers={"X-Request-Id": "logged-1"})
    assert served[1].wait_for("request", request_id="logged-1")["partner"] == "airline"
