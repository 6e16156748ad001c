"""The tables of a comparison, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.comparison import Compared, Results, number
from benchmarks.rounds import median, ratio

_MEAN_OF = ("W1", "W2", "W3", "W4", "W5", "W6")
_COLUMNS = (
    ("per_second", "req/s", 0),
    ("p50_ms", "p50 ms", 2),
    ("p99_ms", "p99 ms", 2),
    ("server_us", "server CPU µs", 0),
    ("database_us", "PostgreSQL CPU µs", 0),
    ("rss_mib", "RSS MiB", 0),
    ("bytes", "bytes", 0),
)


_RELATIVE = (
    ("per_second", "Requests a second"),
    ("server_us", "Server CPU per request"),
    ("database_us", "PostgreSQL CPU per request"),
)


def tables(compared: Compared, base: str) -> str:
    """All tables: ratios first, then each workload's own figures."""
    results = compared.results
    names, workloads = _names(results)
    parts = []
    for figure, said in _RELATIVE:
        parts.append("\n".join(_relative(results, base, names, workloads, figure, f"{said}, relative to {base}")))
    parts.append("\n".join(_alike(compared)))
    parts += ["\n".join(_absolute(results, names, workload)) for workload in workloads]
    return "\n\n".join(part for part in parts if part)


def _names(results: Results) -> tuple[list[str], list[str]]:
    targets = list(dict.fromkeys(target for target, _ in results))
    return targets, sorted({workload for _, workload in results}, key=number)


def _relative(
    results: Results, base: str, names: Sequence[str], workloads: Sequence[str], figure: str, title: str
) -> Iterator[str]:
    shown = [workload for workload in workloads if (base, workload) in results]
    if not shown:
        return
    yield f"### {title}\n"
    yield f"| | {' | '.join(shown)} | geo-mean W1 to W6 |"
    yield f"|---|{'--:|' * (len(shown) + 1)}"
    for name in names:
        cells = {
            workload: ratio(results[name, workload], results[base, workload], figure)
            for workload in shown
            if (name, workload) in results
        }
        if cells:
            yield f"| {name} | {' | '.join(_cell(cells.get(one)) for one in shown)} | {_mean(cells)} |"


def _mean(cells: dict[str, float | None]) -> str:
    known = [value for name in _MEAN_OF if (value := cells.get(name))]
    return _cell(statistics.geometric_mean(known)) if len(known) == len(_MEAN_OF) else "–"


def _alike(compared: Compared) -> Iterator[str]:
    if not compared.plain:
        return
    yield "### The same question asked in another way\n"
    yield f"| | {' | '.join(said for _, said in _RELATIVE)} |\n|---|{'--:|' * len(_RELATIVE)}"
    for (target, workload), plain in compared.plain.items():
        mine = compared.results[target, workload]
        cells = [_cell(ratio(mine, plain.measures, figure)) for figure, _ in _RELATIVE]
        yield f"| {target} {workload} / {plain.target} {plain.workload} | {' | '.join(cells)} |"


def _absolute(results: Results, names: Sequence[str], workload: str) -> Iterator[str]:
    yield f"### {workload}\n"
    yield f"| | {' | '.join(said for _, said, _ in _COLUMNS)} | spread of req/s |"
    yield f"|---|{'--:|' * (len(_COLUMNS) + 1)}"
    for name in names:
        if measures := results.get((name, workload)):
            cells = [f"{median(measures, figure):.{digits}f}" for figure, _, digits in _COLUMNS]
            rates = [one.per_second for one in measures]
            spread = (max(rates) - min(rates)) / 2 / max(median(measures, "per_second"), 1e-9)
            yield f"| {name} | {' | '.join(cells)} | ±{spread:.0%} |"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
