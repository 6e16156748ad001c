"""Feast's feature server: what is asked and what is read, against a stand-in shaped as Feast 0.67 was seen to answer.

It proves our client; `test_real_feast.py` asks the real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import cast

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from schema.errors import Refusal
from tests.keyed_http.products import CANARY, call, column, opened, view
from tests.keyed_http.stand_in import Connection, Reply, Request, StandIn, said, standing_in

EPOCH = "1970-01-01T00:00:00Z"
ROUTE = view(
    [column("origin", "string", "ORIGIN"), column("dest", "string", "DEST")],
    [
        column("delay", "float", "mean_delay_30d"),
        column("flights", "bigint", "flights_30d"),
        column("seen", "timestamp"),
        column("as_of", "timestamp"),
    ],
    event_time="as_of",
)
ROWS: Mapping[Key, Mapping[str, object]] = {
    ("EWR", "IAH"): {"mean_delay_30d": 7.25, "flights_30d": 9_007_199_254_740_993, "seen": 1357016400},
    ("JFK", "MIA"): {"mean_delay_30d": None, "flights_30d": 12, "seen": None},
}
TIME = {("EWR", "IAH"): "2013-01-31T14:29:58Z", ("JFK", "MIA"): "2013-01-30T14:29:58Z"}


@dataclass(slots=True)
class Store:
    """Answers as the real one does: features in an order of its own, the epoch where there is no time."""

    spoiled: dict[str, object] = field(default_factory=dict)
    status: str = "PRESENT"

    def answer(self, request: Request) -> Reply:
        if request.path == "/health":
            return Reply(b"")
        assert request.path == "/get-online-features"
        body = cast(Mapping[str, object], request.json())
        keys = list(zip(*cast(Mapping[str, list[str]], body["entities"]).values(), strict=True))
        names, results = [], []
        for at, key_name in enumerate(cast(Mapping[str, object], body["entities"])):
            names.append(key_name)
            results.append(_result([key[at] for key in keys], "PRESENT", [EPOCH] * len(keys)))
        for asked in sorted(cast(Sequence[str], body["features"]), reverse=True):
            of, _, name = asked.partition(":")
            if any(name not in row for row in ROWS.values()):
                return Reply(f"\"'Feature {CANARY} not found in projection {of}'\"".encode(), 500)
            names.append(f"{of}__{name}" if body["full_feature_names"] else name)
            results.append(
                {
                    "values": [ROWS[key][name] if key in ROWS else None for key in keys],
                    "statuses": [self.status if key in ROWS else "NOT_FOUND" for key in keys],
                    "event_timestamps": [TIME.get(cast(tuple[str, str], key), EPOCH) for key in keys],
                }
            )
        return said({"metadata": {"feature_names": names}, "results": results, **self.spoiled})


def _result(values: list[str], status: str, times: list[str]) -> dict[str, object]:
    return {"values": values, "statuses": [status] * len(values), "event_timestamps": times}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def server(store: Store) -> AsyncIterator[StandIn]:
    async with standing_in(store.answer) as server:
        yield server


@pytest.fixture
async def backend(server: StandIn) -> AsyncIterator[Keyed]:
    backend = opened("feast", server.url)
    yield backend
    await backend.close()


KEYS: list[Key] = [("JFK", "MIA"), ("XXX", CANARY), ("EWR", "IAH")]


async def test_rows(backend: Keyed, server: StandIn) -> None:
    rows = await backend.find(ROUTE, KEYS, ("delay", "flights", "seen", "as_of"), call())
    jfk, ewr = {"origin": "JFK", "dest": "MIA"}, {"origin": "EWR", "dest": "IAH"}
    at = datetime(2013, 1, 30, 14, 29, 58, tzinfo=UTC)
    assert rows == [
        {**jfk, "delay": None, "flights": 12, "seen": None, "as_of": at},
        None,
        {
            **ewr,
            "delay": 7.25,
            "flights": 9_007_199_254_740_993,
            "seen": datetime(2013, 1, 1, 5, tzinfo=UTC),
            "as_of": at.replace(day=31),
        },
    ]
    assert server.requests[0].json() == {
        "features": ["route_delay:mean_delay_30d", "route_delay:flights_30d", "route_delay:seen"],
        "entities": {"ORIGIN": ["JFK", "XXX", "EWR"], "DEST": ["MIA", CANARY, "IAH"]},
        "full_feature_names": False,
    }


async def test_only_what_is_wanted_is_asked(backend: Keyed, server: StandIn) -> None:
    (row,) = await backend.find(ROUTE, [("EWR", "IAH")], ("flights",), call())
    assert row is not None
    assert row["flights"] == 9_007_199_254_740_993
    (row,) = await backend.find(ROUTE, [("EWR", "IAH")], ("as_of",), call())
    assert row is not None
    assert row["as_of"] == datetime(2013, 1, 31, 14, 29, 58, tzinfo=UTC)
    asked = [cast(Mapping[str, object], request.json())["features"] for request in server.requests]
    assert asked == [["route_delay:flights_30d"], ["route_delay:mean_delay_30d"]]


async def test_full_names(server: StandIn, backend: Keyed) -> None:
    """By option, or because features of two views may be called alike."""
    wanted = backend.find
    two = view([*_key()], [column("a", "float", "mean_delay_30d"), column("b", "float", "route_more:mean_delay_30d")])
    assert await wanted(two, [("EWR", "IAH")], ("a", "b"), call()) == [
        {"origin": "EWR", "dest": "IAH", "a": 7.25, "b": 7.25}
    ]
    full = opened("feast", server.url, full_feature_names=True)
    named = view([*_key()], [column("a", "float", "mean_delay_30d")], options={"view": "other"})
    assert await full.find(named, [("EWR", "IAH")], ("a",), call()) == [{"origin": "EWR", "dest": "IAH", "a": 7.25}]
    bodies = [cast(Mapping[str, object], request.json()) for request in server.requests]
    assert [(body["features"], body["full_feature_names"]) for body in bodies] == [
        (["route_delay:mean_delay_30d", "route_more:mean_delay_30d"], True),
        (["other:mean_delay_30d"], True),
    ]
    await full.close()


def _key() -> list[object]:
    return [column("origin", "string", "ORIGIN"), column("dest", "string", "DEST")]


async def test_an_event_time_that_is_a_feature(backend: Keyed) -> None:
    own = view(_key(), [column("seen", "timestamp")], event_time="seen", options={"event_time_feature": True})
    (row,) = await backend.find(own, [("EWR", "IAH")], ("seen",), call())
    assert row is not None
    assert row["seen"] == datetime(2013, 1, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "value"), [("date", date(2013, 1, 31)), ("datetime", datetime(2013, 1, 31, 14, 29, 58))]
)
async def test_event_times_of_other_types(backend: Keyed, type_: str, value: object) -> None:
    own = view(_key(), [column("delay", "float", "mean_delay_30d"), column("at", type_)], event_time="at")
    (row,) = await backend.find(own, [("EWR", "IAH")], ("delay", "at"), call())
    assert row is not None
    assert row["at"] == value


@pytest.mark.parametrize("status", ["PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE"])
async def test_statuses_that_are_not_absence(backend: Keyed, store: Store, status: str) -> None:
    """What is past its time to live is served with its time, so that a caller sees how old it is."""
    store.status = status
    rows = await backend.find(ROUTE, KEYS, ("delay", "as_of"), call())
    assert [row is None for row in rows] == [False, True, False]


async def test_a_feature_that_is_not_there(backend: Keyed, server: StandIn) -> None:
    await _refused(backend, view(_key(), [column("nope", "float")]), "CH502")


SPOILED: list[dict[str, object]] = [
    {"results": []},
    {"results": None},
    {"metadata": {}},
    {"metadata": {"feature_names": ["ORIGIN", "DEST", "other"]}},
    {"results": [{}, {}, {"values": [1], "statuses": ["PRESENT"], "event_timestamps": [EPOCH]}]},
    {"results": [{}, {}, {"values": [1, 2, 3], "statuses": ["PRESENT"] * 2, "event_timestamps": [EPOCH] * 3}]},
    {"results": [{}, {}, {"values": [CANARY] * 3, "statuses": ["PRESENT"] * 3, "event_timestamps": [EPOCH] * 3}]},
    {"results": [{}, {}, {"values": [1, 2, 3], "statuses": ["PRESENT"] * 3, "event_timestamps": [CANARY] * 3}]},
    {"results": [{}, {}, CANARY]},
]


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_answers_that_do_not_fit(backend: Keyed, store: Store, spoiled: dict[str, object]) -> None:
    one = view(_key(), [column("delay", "float", "mean_delay_30d"), column("as_of", "timestamp")], event_time="as_of")
    store.spoiled = spoiled
    await _refused(backend, one, "CH502")


async def test_options_that_have_no_meaning(backend: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    await _refused(backend, view(_key(), [column("a", "float")], options={"ttl": 1}), "CH502")
    assert "a feature view of kind feast has no option ttl" in caplog.text


async def test_a_view_without_features(backend: Keyed) -> None:
    await _refused(backend, view(_key(), []), "CH502")


async def test_what_is_down_slow_or_left(backend: Keyed, server: StandIn) -> None:
    """The client's own cases are `test_conformance.py`; here, that this back end goes by it."""

    async def instead(request: Request, connection: Connection) -> None:
        await connection.left()

    server.instead = instead
    await _refused(backend, ROUTE, "CH503", 0.2)
    asking = asyncio.create_task(backend.find(ROUTE, KEYS, ("delay",), call()))
    async with asyncio.timeout(10):
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        server.gone.clear()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.gone.wait()
    server.instead = None
    server.answer = lambda request: Reply(CANARY.encode(), 503)
    await _refused(backend, ROUTE, "CH501")
    with pytest.raises(Refusal):
        await backend.check()


async def test_batch_and_check(backend: Keyed, server: StandIn) -> None:
    await backend.check()
    wide = opened("feast", server.url, batch=50)
    assert (backend.batch(ROUTE), wide.batch(ROUTE)) == (500, 50)
    await wide.close()


async def _refused(backend: Keyed, product: object, code: str, seconds: float = 20) -> None:
    with pytest.raises(Refusal) as caught:
        await backend.find(product, KEYS, ("delay", "as_of", "nope", "a"), call(seconds))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"
