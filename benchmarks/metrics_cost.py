"""What counting one request costs: status, duration, five stages, and the gauge of requests in flight. CPU time of one
process, the best of seven rounds, since other work on the machine can only add."""

from __future__ import annotations

import time

from app.metrics.metrics import Metrics
from app.metrics.sheet import sheets

_ROUNDS, _REQUESTS = 7, 100_000
_STAGES = {"auth": 0.02, "compile": 0.1, "govern": 0.03, "run": 2.5, "encode": 0.2}


def main() -> None:
    print("| | us CPU |\n|---|--:|")
    print(f"| a request with five stages | {_best(_STAGES):.2f} |")
    print(f"| a request without | {_best({}):.2f} |")


def _best(stages: dict[str, float]) -> float:
    metrics, best = Metrics(sheets(1)[0]), float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_REQUESTS):
            metrics.began()
            metrics.request("internal", "/graphql", "POST", 200, 0.003, stages)
        best = min(best, (time.process_time() - began) / _REQUESTS * 1e6)
    return best
