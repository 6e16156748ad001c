"""Whether the time of an answer tells a hidden name from an invented one, at a listener of partners.

    python -m benchmarks.hidden_timing [REQUESTS]

For some probes of tests/partner/probes.yaml: hidden and invented are asked in turn, so many times each, over one
connection. Told are both medians, their difference, and half the distance of the quartiles of all times, the noise that
a difference has to be seen in; and how often the hidden one of a pair was slower, which is half where nothing is told.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.partner.house import House, serving

PROBES = Path(__file__).parents[1] / "tests" / "partner" / "probes.yaml"
CHOSEN = (
    "product",
    "column",
    "relationship to what is not published",
    "enum value",
    "type in a fragment",
    "table",
    "why",
)


def main(requests: int) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "project", ("partner",)) as house:
        probes = [probe for probe in yaml.safe_load(PROBES.read_text()) if probe["what"] in CHOSEN]
        print("| probe | hidden | invented | difference | noise | hidden slower |\n|---|--:|--:|--:|--:|--:|")
        for probe in probes:
            print(_row(house, probe, requests))


def _row(house: House, probe: Mapping[str, str], requests: int) -> str:
    hidden, invented = [], []
    for number in range(requests + 20):
        pair = [("hidden", hidden), ("invented", invented)]
        for which, times in pair if number % 2 else reversed(pair):
            spent = _timed(house, probe, probe[which])
            if number >= 20:  # the first are making what is kept
                times.append(spent)
    one, two = statistics.median(hidden), statistics.median(invented)
    quartiles = statistics.quantiles(hidden + invented, n=4)
    slower = sum(a > b for a, b in zip(hidden, invented, strict=True)) / requests
    noise = (quartiles[2] - quartiles[0]) / 2
    return f"| {probe['what']} | {one:.0f} µs | {two:.0f} µs | {one - two:+.0f} µs | {noise:.0f} µs | {slower:.0%} |"


def _timed(house: House, probe: Mapping[str, str], name: str) -> float:
    at = house["partner"]
    began = time.perf_counter()
    if "sql" in probe:
        at.sql(probe["sql"].replace("@", name))
    elif "path" in probe:
        at.send("GET", name)
    else:
        at.ask(probe["query"].replace("@", name))
    return (time.perf_counter() - began) * 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
