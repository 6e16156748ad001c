"""What is counted and printed, and what cannot become a label."""

from __future__ import annotations

import re

from app.metrics.exposition import exposition
from app.metrics.families import BUCKETS, COSTS, RECORDED
from app.metrics.metrics import Metrics
from app.metrics.sheet import Sheet, Version, sheets
from resolvers.backends.places import Places


def counted(sheet: Sheet) -> dict[tuple[str, ...], tuple[float, ...]]:
    return {(row.family.name, *row.labels): row.values for row in sheet.rows()}


def test_a_request() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    metrics.began()
    assert counted(sheet)["inflight_requests",] == (1,)
    metrics.request("internal", "/graphql", "POST", 200, 0.003, {"auth": 0.5, "run": 31_000.0}, ["CH205", "CH205"])
    found = counted(sheet)
    assert found["inflight_requests",] == (0,)
    assert found["requests_total", "internal", "/graphql", "POST", "200"] == (1,)
    assert found["refusals_total", "CH205"] == (2,)
    duration = found["request_duration_seconds", "internal", "/graphql"]
    assert (duration[BUCKETS.index(0.005)], sum(duration[:-1]), duration[-1]) == (1, 1, 0.003)
    assert found["stage_duration_seconds", "auth"][0] == 1
    assert found["stage_duration_seconds", "run"][len(BUCKETS) :] == (1, 31.0)


def test_bounds_are_upper_and_belong_to_their_bucket() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    for bound in BUCKETS:
        metrics.source("db", bound)
    assert counted(sheet)["source_duration_seconds", "db"][: len(BUCKETS)] == (1,) * len(BUCKETS)


def test_everything_else() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    metrics.plan_hit()
    metrics.plan_miss(7)
    metrics.cache("stale")
    metrics.token("verified")
    metrics.reload("refused")
    metrics.source_error("db", "CH503")
    found = counted(sheet)
    assert found["plans",] == (7,)
    once = [
        ("plan_requests_total", "hit"), ("plan_requests_total", "miss"), ("result_cache_total", "stale"),
        ("tokens_total", "verified"), ("reloads_total", "refused"), ("source_errors_total", "db", "CH503"),
    ]  # fmt: skip
    assert [found[key] for key in once] == [(1,)] * len(once)
    assert found["tokens_total", "remembered"] == (0,)


def test_what_policy_and_bounds_count() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    metrics.keys("dev", "failed")
    metrics.rows("internal", 7)
    metrics.masked([("crm.people", 2), ("crm.orders", 1)])
    metrics.masked([("crm.people", 2)])
    metrics.policy_refusals(["agency-groups", "it's MARK-of-a-text"])
    metrics.began()
    metrics.request("internal", "/sql", "POST", 429, 0.001, None, ["CH608"])
    found = counted(sheet)
    assert found["jwks_refresh_total", "dev", "failed"] == (1,)
    assert found["rows_returned_total", "internal"] == (7,)
    assert (found["masked_fields_total", "crm.people"], found["masked_fields_total", "crm.orders"]) == ((4,), (1,))
    assert found["policy_refusals_total", "agency-groups"] == (1,) == found["policy_refusals_total", "other"]
    assert found["shed_total", "statements"] == (1,)


def test_what_a_guard_counts() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    metrics.retry("store")
    metrics.hedge("store", "second")
    metrics.turned_away("store", "open")
    found = counted(sheet)
    once = [
        ("source_retries_total", "store"), ("source_hedges_total", "store", "second"),
        ("source_turned_away_total", "store", "open"),
    ]  # fmt: skip
    assert [found[key] for key in once] == [(1,)] * len(once)


def test_breakers_are_counted_by_state_over_workers_reloads_and_deaths() -> None:
    """Three workers: one has lost the source; one reloads, so it opens the new source before it closes the old; one
    dies while its breaker is open, and its successor begins closed."""
    made = sheets(3)
    lost, reloading, dying = map(Metrics, made)
    for worker in (lost, reloading, dying):
        worker.breaker("store", None, "closed")
    lost.breaker("store", "closed", "open")
    reloading.breaker("store", "closed", "open")
    reloading.breaker("store", None, "closed")
    reloading.breaker("store", "open", None)
    dying.breaker("store", "closed", "open")
    made[2].leave()
    assert breakers(made) == {"closed": 1, "open": 1}
    Metrics(made[2]).breaker("store", None, "closed")
    assert breakers(made) == {"closed": 2, "open": 1}
    lost.breaker("store", "open", "half_open")
    lost.breaker("store", "half_open", "closed")
    assert breakers(made) == {"closed": 3, "open": 0, "half_open": 0}


def test_pools_are_summed_over_workers_reloads_and_deaths() -> None:
    """Of three workers one has two sources of a name, as after a reload while requests of before still run, and another
    dies in the middle of its work."""
    made = sheets(3)
    busy, reloading, dying = map(Metrics, made)
    busy.pools([("db", Places("connections", 3, 4, 2, 1)), ("db", Places("streams", 1, 2, 0))])
    reloading.pools([("db", Places("connections", 1, 4, 0, 0)), ("db", Places("connections", 0, 9, 0, 0))])
    dying.pools([("db", Places("connections", 4, 4, 7, 0))])
    assert pools(made) == {
        "connections{connections,used}": 8, "connections{connections,idle}": 1, "connections_max{connections}": 21,
        "pending_requests{connections}": 9, "connections{streams,used}": 1, "connections_max{streams}": 2,
        "pending_requests{streams}": 0,
    }  # fmt: skip
    made[2].leave()
    reloading.pools([("db", Places("connections", 0, 9, 0, 1))])
    found = pools(made)
    assert (found["connections{connections,used}"], found["connections{connections,idle}"]) == (3, 2)
    assert (found["connections_max{connections}"], found["pending_requests{connections}"]) == (13, 2)
    busy.pools([("other", Places("threads", 1, 1, 0))])
    assert set(pools([made[0]]).values()) == {0}
    Metrics(made[2]).pools([("db", Places("connections", 0, 4, 0, 0))])
    assert pools(made)["connections_max{connections}"] == 13


def pools(made: list[Sheet]) -> dict[str, float]:
    """What a scrape says of the source ``db``, by metric, pool and state."""
    found = re.findall(r'^customhouse_pool_(\w+){pool="(\w+)",source="db"(?:,state="(\w+)")?} (\S+)$', text(made), re.M)
    return {f"{name}{{{','.join(filter(None, (pool, state)))}}}": float(count) for name, pool, state, count in found}


def test_costs_have_bounds_of_their_own() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    for bound in COSTS:
        metrics.estimated("z", int(bound))
    metrics.estimated("z", int(COSTS[-1]) + 1)
    metrics.actual("z", 0)
    found = counted(sheet)
    assert found["cost_estimated", "z"] == (*(1,) * (len(COSTS) + 1), sum(COSTS) + COSTS[-1] + 1)
    assert found["cost_actual", "z"] == (1, *(0,) * (len(COSTS) + 1))
    said = text([sheet])
    assert 'customhouse_cost_estimated_bucket{le="1000.0",zone="z"} 4.0' in said
    assert f'customhouse_cost_estimated_count{{zone="z"}} {len(COSTS) + 1}.0' in said


def test_a_registered_document() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    for status, seconds in ((200, 0.003), (200, 0.2), (503, 0.01)):
        metrics.operation("z", "OrdersOf", status, seconds)
    metrics.operation("other_zone", "OrdersOf", 200, 0.1)
    found = counted(sheet)
    assert found["operation_requests_total", "z", "OrdersOf", "200"] == (2,)
    assert found["operation_requests_total", "z", "OrdersOf", "503"] == (1,)
    assert found["operation_requests_total", "other_zone", "OrdersOf", "200"] == (1,)
    duration = found["operation_duration_seconds", "z", "OrdersOf"]
    assert (sum(duration[:-1]), round(duration[-1], 3)) == (3, 0.213)


def breakers(made: list[Sheet]) -> dict[str, float]:
    """What a scrape says, by state."""
    found = re.findall(r'^customhouse_source_breakers{source="store",state="(\w+)"} (\S+)$', text(made), re.M)
    return {state: float(count) for state, count in found}


def text(made: list[Sheet]) -> str:
    return exposition(made).decode()


def test_a_successor_goes_on_and_what_was_being_done_is_over() -> None:
    sheet = sheets(1)[0]
    first = Metrics(sheet)
    first.began()
    first.began()
    first.request("z", "/graphql", "GET", 200, 0.1)
    first.plan_miss(3)
    sheet.beat([])
    sheet.serve(Version("f", "c", "p"))
    assert (sheet.serving, sheet.version) == (True, Version("f", "c", "p"))
    sheet.leave()
    assert (sheet.serving, sheet.version) == (False, None)
    second = Metrics(sheet)
    second.began()
    second.request("z", "/graphql", "GET", 200, 0.1)
    found = counted(sheet)
    assert found["requests_total", "z", "/graphql", "GET", "200"] == (2,)
    assert found["plan_requests_total", "miss"] == (1,)
    assert (found["inflight_requests",], found["plans",]) == ((0,), (0,))


def test_labels_are_names_and_not_too_many() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    metrics.request('z"\n', "/a?token=1", "<script>", 200, 0.1)
    assert ("requests_total", "other", "other", "other", "200") in counted(sheet)
    for number in range(3000):
        metrics.request("z", f"/{number}", "GET", 200, 0.1)
        metrics.cache(f"r{number}")
        metrics.request("z", "/", "GET", 200, 0.1, {f"s{number}": 1.0}, [f"CH{number}"])
        metrics.source(f"d{number}", 0.1)
        metrics.operation("z", f"o{number}", 200, 0.1)
    found = counted(sheet)
    assert sum(values[0] for key, values in found.items() if key[0] == "requests_total") == 6001
    assert sum(values[0] for key, values in found.items() if key[0] == "refusals_total") == 3000
    assert sum(values[0] for key, values in found.items() if key[0] == "operation_requests_total") == 3000
    for name, family in RECORDED.items():
        assert sum(key[0] == name for key in found) <= family.most + 1, name


def test_a_full_sheet_counts_no_more_and_breaks_nothing() -> None:
    sheet = sheets(1)[0]
    metrics = Metrics(sheet)
    for name, width in (("requests_total", 1000), ("plans", 1)):  # with long names, and then to the last byte
        for number in range(100_000):
            if sheet.place(RECORDED[name], (str(number).rjust(width),)) == sheet.spare:
                break
        else:
            raise AssertionError("never full")
    before = counted(sheet)
    metrics.began()
    metrics.request("z", "/new", "GET", 200, 0.1, {"run": 1.0}, ["CH101"])
    assert counted(sheet) == before


def test_readiness_of_a_sheet() -> None:
    sheet = sheets(1)[0]
    assert (sheet.serving, sheet.missing) == (False, ("catalog",))
    sheet.beat(["draining", "sources"])
    assert sheet.missing == ("draining", "sources")
    sheet.beat([])
    assert (sheet.missing, sheet.silent_for < 60) == ((), True)
