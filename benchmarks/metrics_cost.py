"""What counting one request costs: status, duration, five stages, and the gauge of requests in flight; what its cost
and its registered document add; and what telling the places of ten pools takes, once a second. CPU time of one process,
the best of seven rounds, since other work on the machine can only add."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.metrics.metrics import Metrics
from app.metrics.sheet import sheets
from resolvers.backends.places import Places

_ROUNDS, _REQUESTS = 7, 50_000
_STAGES = {"auth": 0.02, "compile": 0.1, "govern": 0.03, "run": 2.5, "encode": 0.2}


def main() -> None:
    print("| | us CPU |\n|---|--:|")
    metrics = Metrics(sheets(1)[0])
    pools = [(f"source{at}", Places("connections", 3, 10, 0, 7)) for at in range(10)]
    for name, work in {
        "a request with five stages": lambda: _request(metrics, _STAGES),
        "a request without": lambda: _request(metrics, {}),
        "its estimated cost": lambda: metrics.estimated("internal", 41),
        "its registered document": lambda: metrics.operation("internal", "OrdersOf", 200, 0.003),
        "ten pools, once a second": lambda: metrics.pools(pools),
    }.items():
        print(f"| {name} | {_best(work):.2f} |")


def _request(metrics: Metrics, stages: dict[str, float]) -> None:
    metrics.began()
    metrics.request("internal", "/graphql", "POST", 200, 0.003, stages)


def _best(work: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_REQUESTS):
            work()
        best = min(best, (time.process_time() - began) / _REQUESTS * 1e6)
    return best
