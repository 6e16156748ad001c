"""docs/policies.md says what happens: its worked example is run."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from policies.condition import Moment
from policies.load import load_policies
from policies.rowwise import compile_rows
from policies.visible import visible
from tests.policies.house import caller, house, project

ROOT = Path(__file__).parents[2]
NOW = Moment(29_000_000, "eu-west-1")


def test_the_worked_example(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "policies.md").read_text("utf-8").partition("### Worked example")[2].partition("\n## ")[0]
    match = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert match is not None
    catalog = house()
    policies = load_policies(project(tmp_path, match[1]), catalog)
    rules = policies.rules["internal"]["customers.bookings"]
    columns = {name: column.type for name, column in catalog.products["customers.bookings"].columns.items()}
    who = caller({"roles": ["revenue", "support"], "regions": ["EU"]})
    govern = compile_rows(rules, columns, who, NOW, {})
    shown = []
    for line in re.findall(r"^\| (\d, .*?) \| (.*?) \|", text, re.MULTILINE):
        number, residency, status, email, fare = line[0].split(", ")
        raw = {"id": int(number), "residency": residency, "status": status, "email": email, "fare": Decimal(fare)}
        row = govern(raw)
        seen = "no row"
        if row is not None:
            seen = ", ".join("null" if row[name] is None else str(row[name]) for name in ("id", "email", "fare"))
        shown.append(seen)
        assert seen == line[1].replace("\\", "")
    assert len(shown) == 3
    without = visible(policies, catalog, caller({"roles": ["revenue", "support"]}), NOW)
    assert without.columns["customers.bookings"] == frozenset({"id", "fare"})
