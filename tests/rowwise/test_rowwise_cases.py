"""Row functions say what the policy language means: cases.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.rowwise import Facts
from tests.masks.cells import natural
from tests.policies.house import caller
from tests.rowwise.house import FLIGHTS, facts, governed, policies, types

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


def each() -> Iterator[Any]:
    for case in CASES:
        for number, asking in enumerate(case["callers"], 1):
            yield pytest.param(case, asking, id=f"{case['name']} ({number})")


@pytest.mark.parametrize(("case", "asking"), list(each()))
def test_case(case: dict[str, Any], asking: dict[str, Any]) -> None:
    who = caller(asking["claims"], purpose=asking.get("purpose"), region=asking.get("region", "eu-west-1"))
    govern = governed(case["policies"], FLIGHTS, who, _facts(case, asking))
    read = (lambda row, product: row) if case.get("raw") else _natural
    seen = [govern(read(row, FLIGHTS)) for row in case["rows"]]
    shown = [row and {name: row[name] for name in case["columns"]} for row in seen]
    assert shown == [row and _natural(row, FLIGHTS) for row in asking["sees"]]
    assert all(row is None or row.keys() == types(FLIGHTS).keys() for row in seen)


def _natural(row: Mapping[str, object], product: str) -> dict[str, object]:
    return {name: natural(value, types(product)[name]) for name, value in row.items()}


def _facts(case: dict[str, Any], asking: dict[str, Any]) -> Facts:
    given: dict[str, Any] = {"location": asking.get("location", "eu-west-1")}
    if "related" in case:
        rows = {product: [_natural(row, product) for row in rows] for product, rows in case["related"].items()}
        given["related"] = rows.__getitem__
    if "entitled" in asking:
        given["entitlements"] = dict.fromkeys(policies(case["policies"]).entitlements, tuple(asking["entitled"]))
    return facts(**given)
