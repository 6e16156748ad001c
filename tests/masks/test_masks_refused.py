"""Masks that cannot be: refused.yaml says what the steward wrote, for which type, and the code of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policies.masks import MaskFault, parse_mask
from schema.types import parse_type

CASES = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())
PAGES = Path(__file__).parents[2] / "docs" / "errors"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['mask']} {case['type']}")
def test_refused(case: dict[str, str]) -> None:
    with pytest.raises(MaskFault) as caught:
        parse_mask(case["mask"], parse_type(case["type"]), hide_nulls=case.get("nulls") == "hide")
    assert caught.value.code == case["code"]
    assert case.get("says", "") in caught.value.sentence
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize("code", sorted({case["code"] for case in CASES if case["code"].startswith("CH44")}))
def test_every_code_has_a_page(code: str) -> None:
    assert (PAGES / f"{code}.md").read_text().startswith(f"# {code}: ")
