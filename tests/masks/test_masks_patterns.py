"""Patterns: which are accepted and how they are spelt (patterns.yaml), and that all engines then do the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.masks import MaskFault, parse_mask
from policies.masks.pattern import pattern
from schema.types import STRING
from tests.masks.cells import KEYS
from tests.masks.engines import Engine

CASES = yaml.safe_load((Path(__file__).parent / "patterns.yaml").read_text())


@pytest.mark.parametrize(("written", "spelt"), CASES["accepted"])
def test_accepted(written: str, spelt: str) -> None:
    assert pattern(written).text == spelt


@pytest.mark.parametrize(("written", "says"), CASES["refused"])
def test_refused(written: str, says: str) -> None:
    with pytest.raises(MaskFault) as caught:
        pattern(written)
    assert caught.value.code == "CH443"
    assert says in f"{caught.value.sentence} {caught.value.hint}"


atoms = st.sampled_from(["a", "b", "c", "[ab]", "[^a]", "[^bc]", ".", "\\d", "1", "[a-c]", "\\s", "-", "\\."])
quantifiers = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,2}", "{2,}"])


def grouped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    alternatives = st.lists(inner, min_size=1, max_size=3).map("|".join)
    return st.builds(lambda body, mark: f"({body}){mark}", alternatives, quantifiers)


pieces = st.recursive(
    st.builds(lambda atom, mark: atom + mark, atoms, quantifiers),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map("".join) | grouped(inner),
    max_leaves=8,
)
texts = st.text(alphabet="abc1-. \n٣é", max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.sampled_from(["", "^"]), pieces, st.sampled_from(["", "$"]), st.lists(texts, min_size=8, max_size=20))
def test_engines_agree(engines: dict[str, Engine], start: str, body: str, end: str, values: list[str]) -> None:
    """Whatever pattern is accepted, RE2, PostgreSQL and Python replace the same."""
    try:
        mask = parse_mask({"regex": {"pattern": start + body + end, "replace": "#"}}, STRING)
    except MaskFault:
        return
    ours = [mask.row(value, STRING, KEYS) for value in values]
    for engine in engines.values():
        assert engine.answer(mask, STRING, values) == ours, engine.name
    assert ours == [re.sub(_plain(start + body + end), "#", value) for value in values]


def _plain(written: str) -> str:
    """The pattern as a steward means it, in Python's own words."""
    ascii_only = written.replace("\\d", "[0-9]").replace("\\s", "[ \\t\\n\\r\\f]")
    return ascii_only.removesuffix("$") + (r"\Z" if ascii_only.endswith("$") else "")
