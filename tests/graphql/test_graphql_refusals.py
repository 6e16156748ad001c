"""Requests that are refused: refusals.yaml, said in full, once, without the caller's values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.graphql.asking import front_end, refused

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "refusals.yaml").read_text())
PAGES = HERE.parents[1] / "docs" / "errors"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_is_refused_as_said(case: dict[str, object]) -> None:
    got = refused(front_end(), str(case["query"]), case.get("variables") or {}, case.get("operation"))  # type: ignore[arg-type]
    wanted = case["errors"]
    assert isinstance(wanted, list)
    assert [{key: error[key] for key in want} for error, want in zip(got, wanted, strict=True)] == wanted


def test_every_code_has_a_page() -> None:
    codes = {error["code"] for case in CASES for error in case["errors"]} | {"CH102", "CH103", "CH108"}
    for code in sorted(codes):
        assert (PAGES / f"{code}.md").read_text().startswith(f"# {code}: ")


def test_no_message_repeats_a_value() -> None:
    canary = "canary-4711"
    where = {"carrier": {"eq": 7}, "depDelay": {"gt": canary}, "day": {"in": [canary]}, "fare": {"lt": canary}}
    errors = refused(front_end(), "query ($w: FlightWhere) { flights(where: $w) { totalCount } }", {"w": where})
    assert len(errors) == 4
    assert canary not in str(errors)
