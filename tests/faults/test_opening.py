"""A guarded source as the catalog opens it: whose options go where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed import registry
from resolvers.backends.keyed.keyed import Call, Keyed
from resolvers.backends.keyed.registry import open_guarded
from schema.catalog import Source
from schema.errors import Refusal
from tests.faults.house import Counts
from tests.faults.lines import FEATURES, PLACE, Lines, Server, row
from tests.faults.proxy import Fault, Proxy


def source(options: Mapping[str, object]) -> Source:
    return Source("lines", "redis", "", PLACE, options=options)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """The options that the back end is opened with; the source of lines stands in for a store, its URL is the port."""
    seen: list[Mapping[str, object]] = []

    def opener(source: Source, url: str, project: Path) -> Keyed:
        seen.append(source.options)
        return Lines(int(url), source.name)

    monkeypatch.setitem(registry._OPENERS, "redis", opener)
    return seen


async def test_the_back_end_gets_its_own_options_and_the_guard_obeys_the_rest(
    given: list[Mapping[str, object]],
) -> None:
    counts = Counts()
    options = {"prefix": "f:", "retries": 2, "breaker_failures": 3, "breaker_seconds": "1h"}
    async with Server() as server, Proxy(server.port) as proxy:
        opened = open_guarded(source(options), str(proxy.port), Path("."), counts)
        assert (given, counts.path, proxy.connections) == ([{"prefix": "f:"}], ["closed"], 0)
        call = Call(Deadline.after(20))
        assert await opened.find(FEATURES, [("EWR",)], ["delay"], call) == [row("EWR")]
        await proxy.turn(Fault(reset_at=0))
        with pytest.raises(Refusal, match="not available"):
            await opened.find(FEATURES, [("EWR",)], ["delay"], call)
        assert (proxy.marks, counts.path) == (4, ["closed", "open"])
        await opened.close()
        assert +counts.states == {}


@pytest.mark.parametrize("options", [{"retries": -1}, {"breaker_second": 1}])
def test_what_has_no_meaning_is_refused_before_anything_is_opened(
    options: Mapping[str, object], given: list[Mapping[str, object]]
) -> None:
    with pytest.raises(ValueError, match=r"'retries' is|no option 'breaker_second'"):
        open_guarded(source(options), "1", Path("."))
    assert given == []


def test_a_kind_without_a_back_end_is_refused() -> None:
    unknown = Source("x", "duckdb", "", PLACE)
    with pytest.raises(ValueError, match="no back end for kind 'duckdb'"):
        open_guarded(unknown, "", Path("."))
