"""Conditions, from their text to what is left for the row, as cases."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlglot import exp

from policies.condition import Condition, Moment
from policies.fault import Fault
from policies.predicate import guard_condition, row_condition
from policies.predicate_names import RowScope
from schema.errors import Place
from tests.policies.house import HERE, caller, house

CASES = Path(__file__).parent / "cases"
NOW = Moment(29_000_000, "eu-west-1")
CATALOG = house()
DERIVED = {
    "operations.flights": {
        "is_late": exp.GT(this=exp.column("dep_delay", quoted=True), expression=exp.Literal.number(15))
    }
}


def compiled(text: str, key: str = "rows", product: str = "operations.flights") -> Condition:
    if key == "when":
        return guard_condition(text, HERE, CATALOG.claims).condition
    return row_condition(text, Place("p.yaml"), RowScope(CATALOG, CATALOG.products[product], DERIVED)).condition


def spelt(value: object) -> object:
    """A folded condition as it stands in a case: binds are written ``:name``."""
    if isinstance(value, exp.Expression):
        binds = value.copy().transform(lambda n: exp.Var(this=f":{n.name}") if isinstance(n, exp.Placeholder) else n)
        return binds.sql()
    return "unknown" if value is None else value


FOLDS = [case for section in yaml.safe_load((CASES / "fold.yaml").read_text("utf-8")).values() for case in section]
REFUSED = yaml.safe_load((CASES / "refused.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", FOLDS, ids=lambda case: f"{case['text'][:60]} {case.get('claims', '')}")
def test_fold(case: dict[str, Any]) -> None:
    condition = compiled(case["text"])
    bits = condition.bits(caller(case.get("claims", {}), purpose=case.get("purpose")), NOW)
    got, want = spelt(condition.fold(bits)), case["gives"]
    if isinstance(want, str) and "*" in want:
        assert fnmatchcase(str(got), want)
    else:
        assert got == want


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["text"][:70])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        compiled(case["text"], case.get("key", "rows"))
    assert caught.value.code == case["code"], caught.value.sentence
    assert case.get("says", "").lower() in caught.value.sentence.lower()


DEEP = {
    "parentheses": "(" * 5000 + "carrier = 'UA'" + ")" * 5000,
    "negations": "NOT " * 5000 + "is_open",
    "signs": "- " * 3000 + "1 = 1",
    "sums": " + ".join(["1"] * 1500) + " = 1",
    "cases": "CASE WHEN is_open THEN " * 300 + "TRUE" + " END" * 300,
    "ands": " AND ".join(["is_open"] * 1900),
    "sub-selects": "carrier IN (SELECT carrier FROM internal.entitlements WHERE " * 20_000,
    "words": "is_open OR " * 20_000,
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_text_is_refused_and_crashes_nothing(kind: str) -> None:
    with pytest.raises(Fault) as caught:
        compiled(DEEP[kind])
    assert caught.value.code == "CH406"


def test_a_condition_is_not_changed_by_folding() -> None:
    condition = compiled("(claims.admin OR carrier = 'UA') AND origin = 'JFK'")
    assert condition.row is not None
    before = condition.row.sql()
    for admin in (True, False, True):
        condition.fold(condition.bits(caller({"admin": admin}), NOW))
    assert condition.row.sql() == before
