"""The right to detokenise as it stands in policy files, and as the gate and the front ends come to know it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.condition import Moment
from policies.decide import decide
from policies.govern import localized
from policies.guard import guard_tuple
from policies.load import load_policies
from policies.visible import detokenizable, visible
from schema.errors import LoadErrors
from schema.graphql import build
from tests.detokenize.house import caller
from tests.detokenize.test_misuse import READ

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "load_errors.yaml").read_text("utf-8"))
MASKS = """
masks:
  - {name: documents, on: {tag: pii.document}, mask: token}
  - {name: phones, on: {tag: pii.phone}, mask: redact}
  - {name: seats, on: {column: customers.bookings.seat, zone: partner}, mask: token}
"""
ROLES = ("reader", "desk", "eu_desk", "phones", "barred", "embargoed", "auditor")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_load_errors(case: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text(f"grants: [{{name: desk, {case['grant']}}}]\n{MASKS}")
    with pytest.raises(LoadErrors) as caught:
        load_policies(tmp_path, READ.catalog)
    (error,) = caught.value.errors
    assert error.code == case["code"]
    assert case["says"] in error.sentence


@pytest.mark.parametrize("zone", ["internal", "partner"])
def test_front_ends_know_the_rights_that_the_gate_gives(zone: str) -> None:
    moment = Moment(29_000_000, "eu-west-1")
    found = set()
    for roles in itertools.chain.from_iterable(itertools.combinations(ROLES, n) for n in range(4)):
        who = caller(roles, zone)
        names = visible(READ.policies, READ.catalog, who, moment)
        for product in READ.catalog.published(zone):
            rules = READ.policies.rules[zone][product.id]
            here = localized(product, rules, READ.catalog, zone)
            decision = decide(rules, guard_tuple(rules, who, moment), frozenset(product.columns), here)
            gives = {column for column, cell in decision.cells.items() if cell.tokens is not None}
            assert names.detokenizable.get(product.id, frozenset()) == gives, roles
            assert gives <= names.columns.get(product.id, frozenset())
            found |= gives
    assert found == {"passport", "visa", "phone", "email", "mailbox", "card"} | (
        {"seat"} if zone == "partner" else set()
    )


def test_the_right_is_part_of_what_names_are_kept_by() -> None:
    """Two callers with the same columns and different rights must not share a schema."""
    moment = Moment(29_000_000, "eu-west-1")
    one, two = (
        visible(READ.policies, READ.catalog, caller(roles), moment) for roles in (("reader",), ("reader", "eu_desk"))
    )
    assert one.columns == two.columns
    assert one.digest != two.digest


def test_the_whole_schema_has_what_somebody_may_look_up() -> None:
    for zone, seats in (("internal", False), ("partner", True)):
        sdl = build(READ.catalog, zone, detokenizable=detokenizable(READ.policies, zone)).sdl
        assert "bookingsDetokenize(column: BookingTokenColumn!, token: String!): String" in sdl
        (columns,) = (part for part in sdl.split("\n\n") if "enum BookingTokenColumn" in part)
        assert ("SEAT" in columns) is seats
        assert "RESIDENCY" not in columns
    assert "Detokenize" not in build(READ.catalog, "internal").sdl
