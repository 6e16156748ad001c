"""What the gate takes at all: selects of one form, refused by allow-list before a name is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

from policies.allow import LOGICAL_FUNCTIONS, check_select
from schema.errors import Refusal
from schema.query import Slot
from schema.types import BIGINT, STRING

CASES = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())
SLOTS = {
    "s0": Slot("s0", BIGINT, "constant", value=1),
    "s1": Slot("s1", BIGINT, "variable", path=("n",)),
    # A front end that declares a secret or a claim as its own is refused as well.
    "secret:hash": Slot("secret:hash", STRING, "secret", path=("hash",)),
    "claim:person": Slot("claim:person", BIGINT, "claim", path=("person",)),
}


def tree(case: dict[str, str]) -> exp.Expression:
    """The case's select, its functions under their logical names and its binds as the front ends write them."""
    text = case["sql"].replace(':"secret:hash"', ":x")
    parsed = sqlglot.parse_one(text, dialect=case.get("dialect", "duckdb"))
    for bind in parsed.find_all(exp.Placeholder):
        if bind.name == "x":
            bind.set("this", case["bind"])
    return parsed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_form(case: dict[str, str]) -> None:
    select = tree(case)
    if case.get("form") == "ok":
        check_select(select, SLOTS)
        return
    with pytest.raises(Refusal) as refused:
        check_select(select, SLOTS)
    assert (refused.value.code, refused.value.status) == ("CH450", 500)


@pytest.mark.parametrize("name", ["PG_READ_FILE", "ch_in", "CH_HMAC", "CH_REGEX_REPLACE", "CH_OPEN"])
def test_functions_are_known_by_exact_name(name: str) -> None:
    call = exp.Anonymous(this=name, expressions=[exp.Placeholder(this="s0")])
    select = exp.select(exp.alias_(call, "c0")).from_(exp.table_("people", db="crm", alias="t0"))
    assert name not in LOGICAL_FUNCTIONS
    with pytest.raises(Refusal):
        check_select(select, SLOTS)
