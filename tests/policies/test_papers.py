"""Callers whose papers are alike know the same names and have the same guards, so that they may share plans.

Asked of the example's policies with generated callers; a second part proves that what a guard reads does tell callers
apart, and that what only filters rows does not.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.project import load_project
from policies.condition import Moment
from policies.guard import guard_tuple
from policies.papers import papers
from policies.visible import visible
from schema.caller import Caller, ClaimValue

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "flights", "dev")
ROLES = ["platform_admin", "staff", "ops_analyst", "revenue_analyst", "support", "fraud_analyst", "suspended"]
MOMENT = Moment(20_000_000, "eu-west-1")
PAPERS = papers(PROJECT.policies, "internal")


def caller(claims: dict[str, ClaimValue], purpose: str | None = None) -> Caller:
    return Caller("s", "i", "internal", claims, 4e9, purpose, "eu-west-1", digest=repr((claims, purpose)))


texts = st.sampled_from(["UA", "DL", "EU", "US"])
lists = st.lists(texts | st.none(), max_size=2).map(tuple)
roles = st.lists(st.sampled_from(ROLES), max_size=3).map(tuple)
callers = st.builds(
    caller,
    st.fixed_dictionaries({}, optional={"roles": roles, "carriers": lists, "regions": lists}),
    st.sampled_from([None, "fraud", "care"]),
)


@settings(max_examples=300, deadline=None)
@given(callers, callers)
def test_alike_papers_decide_alike(one: Caller, other: Caller) -> None:
    if PAPERS.of(one, MOMENT) != PAPERS.of(other, MOMENT):
        return
    names = [visible(PROJECT.policies, PROJECT.catalog, who, MOMENT).digest for who in (one, other)]
    assert names[0] == names[1]
    for rules in PROJECT.policies.rules["internal"].values():
        assert guard_tuple(rules, one, MOMENT) == guard_tuple(rules, other, MOMENT)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"roles": ("ops_analyst",), "carriers": ("UA",)}, {"roles": ("ops_analyst",), "carriers": ("DL", "AA")}, True),
        (
            {"roles": ("ops_analyst",), "carriers": ("UA",)},
            {"roles": ("ops_analyst",), "carriers": ("UA", None)},
            False,
        ),
        ({"roles": ("ops_analyst",), "carriers": ("UA",)}, {"roles": ("ops_analyst",), "carriers": ()}, False),
        ({"roles": ("ops_analyst",), "carriers": ("UA",)}, {"roles": ("ops_analyst",)}, False),
        ({"roles": ("ops_analyst",)}, {"roles": ("revenue_analyst",)}, False),
    ],
    ids=["other rows", "a null among them", "none of them", "absent", "another role"],
)
def test_what_counts(one: dict[str, ClaimValue], other: dict[str, ClaimValue], alike: bool) -> None:
    assert (PAPERS.of(caller(one), MOMENT) == PAPERS.of(caller(other), MOMENT)) is alike


def test_time_counts_where_a_guard_looks_at_it() -> None:
    later = replace(MOMENT, minute=MOMENT.minute + 1)
    who = caller({"roles": ("staff",)})
    assert (PAPERS.of(who, MOMENT) == PAPERS.of(who, later)) is not PAPERS.time
    timed = replace(PAPERS, time=True)
    assert timed.of(who, MOMENT) != timed.of(who, later)
