"""Run the measurements and print their tables: ``python -m benchmarks [policy-cost] [big-catalog] [cold-plan]``."""

from __future__ import annotations

import sys

from benchmarks import big_catalog, cold_plan, policy_cost

BENCHES = {"policy-cost": policy_cost.main, "big-catalog": big_catalog.main, "cold-plan": cold_plan.main}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"No measurement '{unknown[0]}'. There are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    for name in names or list(BENCHES):
        print(f"## {name}\n")
        BENCHES[name]()
        print()
    return 0


sys.exit(main(sys.argv[1:]))
