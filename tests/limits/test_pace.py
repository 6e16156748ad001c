"""What each caller of a zone may take, and what it is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.quotas.counters import Counters
from app.quotas.pace import Pace
from app.quotas.told import Told
from schema.caller import Caller
from schema.errors import Place, Refusal
from schema.zone import CallerRate, Rate, Zone
from tests.partners.test_counters import SECRET, Clock, clock

__all__ = ["clock"]
ANN = Caller("ann", "https://dev.example", "internal", {}, math.inf)
BOTH = CallerRate(Rate(3, 60.0), Rate(100, 60.0))


@pytest.fixture(autouse=True)
def begins(clock: Clock) -> None:
    clock.now = 60.0 * 30_000_000


def pace(rate: CallerRate = BOTH) -> Pace:
    return Pace(Zone("internal", (), Place("x"), rate=rate), Counters("internal", SECRET))


async def asked(pace: Pace, caller: Caller = ANN, cost: int = 0) -> dict[str, str]:
    told = Told()
    await pace.request(caller, told)
    await pace.cost(caller, told, cost)
    return {name.decode(): value.decode() for name, value in told.fields()}


async def refused(pace: Pace, caller: Caller = ANN, cost: int = 0) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await asked(pace, caller, cost)
    return caught.value


async def test_what_is_told() -> None:
    assert await asked(pace(), cost=30) == {
        "ratelimit-policy": '"caller";q=3;w=60, "cost";q=100;w=60;qu="cost"',
        "ratelimit": '"caller";r=2;t=60, "cost";r=70;t=60',
    }


async def test_requests_are_used_up(clock: Clock) -> None:
    counted = pace()
    for _ in range(3):
        await asked(counted)
    no = await refused(counted)
    assert (no.code, no.status) == ("CH625", 429)
    clock.now += (no.retry_after or 0) + 1
    await asked(counted)


async def test_cost_is_used_up_to_the_last_and_what_is_refused_is_not_charged() -> None:
    counted = pace()
    await asked(counted, cost=60)
    no = await refused(counted, cost=41)
    assert (no.code, no.status, no.retry_after) == ("CH626", 429, 60)
    await asked(counted, cost=40)


async def test_a_request_is_refused_at_once_when_nothing_is_left(clock: Clock) -> None:
    counted = pace(CallerRate(cost=Rate(100, 60.0)))
    await asked(counted, cost=100)
    no = await refused(counted)
    assert (no.code, no.status) == ("CH626", 429)
    clock.now += (no.retry_after or 0) + 1
    await asked(counted, cost=1)


async def test_what_may_never_be_spent_is_not_waited_for() -> None:
    no = await refused(pace(), cost=101)
    assert (no.code, no.retry_after) == ("CH624", None)


CALLERS: Mapping[str, tuple[Caller, bool]] = {
    "another token": (replace(ANN, digest="another", purpose="fraud", claims={"roles": ("a",)}), True),
    "another subject": (replace(ANN, subject="ben"), False),
    "the same subject of another issuer": (replace(ANN, issuer="https://other.example"), False),
}


@pytest.mark.parametrize("name", CALLERS)
async def test_who_is_one_caller(name: str) -> None:
    other, same = CALLERS[name]
    counted = pace()
    for _ in range(3):
        await asked(counted)
    if same:
        assert (await refused(counted, other)).code == "CH625"
    else:
        assert (await asked(counted, other))["ratelimit"].startswith('"caller";r=2;')


async def test_rows_of_sql_are_charged_afterwards() -> None:
    counted, told = pace(), Told()
    await counted.request(ANN, told)
    await counted.spent(ANN, told, 250)
    assert told.standings["cost"].left == 0
    assert (await refused(counted)).code == "CH626"
