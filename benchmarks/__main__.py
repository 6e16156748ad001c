"""Run a measurement and print its tables, or a server to measure: ``python -m benchmarks NAME [options]``.

Without a name: the measurements of TPC-H, one after another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import (
    audit_cost,
    big_catalog,
    cold_plan,
    duckdb_cost,
    edge_cost,
    formats,
    keyed_cost,
    memory,
    metrics_cost,
    overload,
    policy_cost,
    quota_cost,
    resilience,
    serving,
    soak,
    sql_cost,
    stitched_page,
    tpch,
)
from benchmarks.place import Missing


def _plain(main: Callable[[], None]) -> Callable[[list[str]], int]:
    """A measurement without options."""

    def run(arguments: list[str]) -> int:
        if arguments:
            print(f"No option '{arguments[0]}' here.", file=sys.stderr)
            return 2
        main()
        return 0

    return run


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "policy-cost": _plain(policy_cost.main),
    "big-catalog": _plain(big_catalog.main),
    "edge": _plain(edge_cost.main),
    "metrics": _plain(metrics_cost.main),
    "quotas": _plain(quota_cost.main),
    "audit": _plain(audit_cost.main),
    "cold-plan": _plain(cold_plan.main),
    "formats": _plain(formats.main),
    "keyed-cost": _plain(keyed_cost.main),
    "sql": _plain(sql_cost.main),
    "stitched": _plain(stitched_page.main),
    "tpch": tpch.main,
    "duckdb": duckdb_cost.main,
    "memory": memory.main,
    "overload": overload.main,
    "resilience": resilience.main,
    "soak": soak.main,
    "serve": serving.serve,
    "peer": serving.peer,
    "stop": serving.stop,
}


SECTIONS = ("tpch", "duckdb", "memory")


def main(arguments: list[str]) -> int:
    if not arguments:
        return max([main([name]) for name in SECTIONS])
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"No measurement '{name}'. There are: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](rest)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1


sys.exit(main(sys.argv[1:]))
