"""Feast's own feature server over SQLite: types, absence, event times, two views, and its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from schema.catalog import Product
from schema.errors import Refusal
from tests.keyed_http.parts import part, ports
from tests.keyed_http.products import CANARY, call, column, opened, view

pytestmark = pytest.mark.slow_parts

KEY = [column("origin", "string", "ORIGIN"), column("dest", "string", "DEST")]
ROUTE = view(
    KEY,
    [
        column("delay", "float", "mean_delay_30d"),
        column("flights", "bigint", "flights_30d"),
        column("note", "string"),
        column("busy", "boolean"),
        column("seen", "timestamp"),
        column("history", "array<float>"),
        column("as_of", "timestamp"),
    ],
    event_time="as_of",
)
ALL = tuple(ROUTE.columns)
KEYS: list[Key] = [("LGA", "ATL"), (CANARY, "ATL"), ("EWR", "IAH"), ("JFK", "MIA"), ("EWR", "MIA")]
SEEN = datetime(2013, 1, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    feast, at, (port,) = part("feast"), tmp_path_factory.mktemp("feast"), ports(1)
    feast.run("feast_repository.py", str(at))
    url = f"http://127.0.0.1:{port}"
    with feast.serving(f"{url}/health", at, "feast", "serve", "--host", "127.0.0.1", "--port", str(port)):
        yield url


@pytest.fixture
async def backend(url: str) -> AsyncIterator[Keyed]:
    backend = opened("feast", url)
    await backend.check()
    yield backend
    await backend.close()


async def test_rows(backend: Keyed) -> None:
    lga, none, ewr, jfk, mixed = await backend.find(ROUTE, KEYS, ALL, call())
    assert (none, mixed) == (None, None)
    assert lga is not None
    assert jfk is not None
    assert ewr == {
        "origin": "EWR",
        "dest": "IAH",
        "delay": 7.25,
        "flights": 9_007_199_254_740_993,
        "note": "a",
        "busy": True,
        "seen": SEEN,
        "history": [1.0, 2.0],
        "as_of": datetime(2026, 1, 31, 5, tzinfo=UTC),
    }
    assert (jfk["delay"], jfk["note"], jfk["busy"], jfk["history"]) == (None, "ü\"'", False, [3.0])
    assert (lga["delay"], lga["note"]) == (3.5, "")
    assert isinstance(lga["as_of"], datetime)
    assert datetime.now(UTC) - lga["as_of"] < timedelta(hours=3)


async def test_past_its_time_to_live_it_is_served_with_its_time(backend: Keyed) -> None:
    """The view's is seven days, and this row is older: Feast does not say so, hence the product's own `ttl`."""
    (row,) = await backend.find(ROUTE, [("EWR", "IAH")], ("delay", "as_of"), call())
    assert row is not None
    assert row["delay"] == 7.25
    assert isinstance(row["as_of"], datetime)
    assert datetime.now(UTC) - row["as_of"] > timedelta(days=7)


async def test_two_views(backend: Keyed) -> None:
    two = view(KEY, [column("a", "float", "mean_delay_30d"), column("b", "float", "route_more:mean_delay_30d")])
    (row,) = await backend.find(two, [("LGA", "ATL")], ("a", "b"), call())
    assert row == {"origin": "LGA", "dest": "ATL", "a": 3.5, "b": 3.5}


async def test_five_hundred_at_once(backend: Keyed) -> None:
    keys: list[Key] = [(f"X{n}", "ATL") for n in range(499)]
    rows = await backend.find(ROUTE, [*keys[:250], ("LGA", "ATL"), *keys[250:]], ("delay",), call())
    assert [at for at, row in enumerate(rows) if row is not None] == [250]


WRONG: list[tuple[str, Product, int]] = [
    ("no such feature", view(KEY, [column("nope", "float")]), 500),
    ("no such view", view(KEY, [column("delay", "float", "nope:delay")]), 404),
]


@pytest.mark.parametrize(("name", "product", "status"), WRONG, ids=[name for name, *_ in WRONG])
async def test_its_errors(
    backend: Keyed, name: str, product: Product, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refusal) as caught:
        await backend.find(product, [(CANARY, "ATL")], tuple(product.columns), call())
    assert caught.value.code == "CH502"
    assert f"it answered HTTP{status}" in caplog.text
