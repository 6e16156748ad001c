"""What a partner is told of its quotas, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.quotas.counters import Counters
from app.quotas.meter import Meter
from app.quotas.told import Told
from schema.errors import Refusal
from schema.load import load_catalog
from tests.partners.house import PROJECT
from tests.partners.test_counters import SECRET, Clock, clock

__all__ = ["clock"]
ORDERS, CUSTOMERS = "sales.orders", "sales.customers"


@pytest.fixture
def meter(clock: Clock) -> Meter:
    clock.now = 3600.0 * 500_000  # a window begins
    return Meter(load_catalog(Path(PROJECT), None).zones["partner"], Counters("partner", SECRET))


def said(told: Told) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in told.fields()}


async def refused(meter: Meter, partner: str = "agency") -> tuple[str, int | None]:
    with pytest.raises(Refusal) as caught:
        await meter.request(partner, Told())
    assert caught.value.status == 429
    return caught.value.code, caught.value.retry_after


async def test_what_is_told(meter: Meter) -> None:
    told = Told()
    await meter.request("agency", told)
    assert said(told) == {
        "ratelimit-policy": '"requests";q=6;w=3600, "rows";q=40;w=3600;qu="rows"',
        "ratelimit": '"requests";r=5;t=3600, "rows";r=40;t=3600',
    }
    await meter.rows("agency", told, 15, {ORDERS: 15})
    assert said(told)["ratelimit"] == '"requests";r=5;t=3600, "rows";r=25;t=3600'
    again = Told()
    await meter.request("agency", again)
    assert said(again)["ratelimit"] == '"requests";r=4;t=3600, "rows";r=25;t=3600'


async def test_requests_are_used_up(meter: Meter, clock: Clock) -> None:
    for _ in range(6):
        await meter.request("agency", Told())
    code, seconds = await refused(meter)
    assert code == "CH620"
    clock.now += (seconds or 0) + 1
    await meter.request("agency", Told())
    assert (await refused(meter))[0] == "CH620"


async def test_rows_are_used_up_after_the_answer_that_took_them(meter: Meter, clock: Clock) -> None:
    told = Told()
    await meter.request("agency", told)
    await meter.rows("agency", told, 45, {ORDERS: 45})
    assert said(told)["ratelimit"] == '"requests";r=5;t=3600, "rows";r=0;t=3600'
    code, seconds = await refused(meter)
    assert (code, (seconds or 0) > 3600) == ("CH621", True)
    clock.now += (seconds or 0) + 1
    await meter.request("agency", Told())


async def test_partners_do_not_share(meter: Meter) -> None:
    for _ in range(6):
        await meter.request("agency", Told())
    told = Told()
    await meter.request("airline", told)
    assert said(told)["ratelimit"] == '"requests";r=999;t=3600, "rows";r=100000;t=3600'


async def test_a_product_has_its_own(meter: Meter) -> None:
    both = frozenset({ORDERS, CUSTOMERS})
    await meter.products("agency", both)
    await meter.products("agency", frozenset({CUSTOMERS}))
    with pytest.raises(Refusal, match=r"'sales\.customers'") as caught:
        await meter.products("agency", both)
    assert (caught.value.code, caught.value.status) == ("CH622", 429)
    await meter.products("agency", frozenset({ORDERS}))  # others are asked as before
    await meter.products("airline", both)


async def test_a_products_rows_are_its_own(meter: Meter) -> None:
    await meter.rows("agency", Told(), 9, {ORDERS: 3, CUSTOMERS: 6})
    await meter.products("agency", frozenset({CUSTOMERS}))
    await meter.rows("agency", Told(), 2, {CUSTOMERS: 2})
    with pytest.raises(Refusal, match=r"'sales\.customers'"):
        await meter.products("agency", frozenset({CUSTOMERS}))


async def test_a_zone_without_quotas_is_not_metered() -> None:
    zone = load_catalog(Path(PROJECT), None).zones["partner"]
    assert zone.metered
    free = {name: replace(one, quotas=type(one.quotas)()) for name, one in zone.partners.items()}
    assert not replace(zone, partners=free).metered
