"""What the quotas of one request cost: requests and rows over everything looked at and charged, counted in memory and
in a Valkey. CPU time of this process, the best of five rounds, since other work on the machine can only add; and what
a request waits for it, the median."""

from __future__ import annotations

import asyncio
import statistics
import time

from app.quotas.counters import Counters
from app.quotas.meter import Meter, Told
from benchmarks.valkey import valkey
from schema.errors import Place
from schema.zone import Partner, Quota, Quotas, Rate, Zone

_ROUNDS, _REQUESTS = 5, 1000
_QUOTA = Quota(Rate(10**9, 3600.0), Rate(10**9, 3600.0))
_PARTNERS = {"agency": Partner("agency", Place("x"), quotas=Quotas(_QUOTA))}


def main() -> None:
    print("| counted | us CPU | us waited |\n|---|--:|--:|")
    print(_row("in memory", None))
    with valkey() as url:
        print(_row("in a Valkey", url))


def _row(where: str, url: str | None) -> str:
    cpu, waited = asyncio.run(_measured(url))
    return f"| {where} | {cpu:.0f} | {waited:.0f} |"


async def _measured(url: str | None) -> tuple[float, float]:
    counters = Counters("partner", bytes(32), url=url, timeout=5.0)
    zone = Zone("partner", (), Place("x"), partner_claim="partner", partners=_PARTNERS)
    meter, best, waited = Meter(zone, counters), float("inf"), list[float]()
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_REQUESTS):
            asked, told = time.perf_counter(), Told()
            await meter.request("agency", told)
            await meter.rows("agency", told, 100, {})
            told.fields()
            waited.append(time.perf_counter() - asked)
        best = min(best, (time.process_time() - began) / _REQUESTS)
    await counters.close()
    return best * 1e6, statistics.median(waited) * 1e6
