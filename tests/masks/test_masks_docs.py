"""docs/masks.md tells the truth: every mask is in it, and what its examples show is what the masks give."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from policies.masks import mask_words, parse_mask
from schema.types import Kind, parse_type
from tests.masks.cells import KEYS, natural, wire

PAGE = (Path(__file__).parents[2] / "docs" / "masks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `(.+)` \| ([a-z0-9(),]+) \| `(.*)` \| (?:`(.*)`|(NULL)) \|$", PAGE, re.M)
ADDING = (Path(__file__).parents[2] / "docs" / "adding-a-mask.md").read_text(encoding="utf-8")


def test_every_mask_is_described() -> None:
    rows = re.findall(r"^\| \[`\"?(\w+)", PAGE, re.M)
    assert set(rows) == set(mask_words())


@pytest.mark.parametrize(("spec", "spelt", "value", "shown", "null"), EXAMPLES)
def test_example(spec: str, spelt: str, value: str, shown: str, null: str) -> None:
    type_ = parse_type(spelt)
    mask = parse_mask(yaml.safe_load(spec.replace("\\|", "|")), type_)
    whole = type_.kind in (Kind.INTEGER, Kind.BIGINT)
    masked = mask.row(natural(int(value) if whole else value, type_), type_, KEYS)
    assert wire(masked, type_) == (None if null else int(shown) if type_.kind is Kind.INTEGER else shown)


def test_every_mask_has_an_example() -> None:
    assert {next(iter(re.findall(r"\w+", spec))) for spec, *_ in EXAMPLES} == set(mask_words())


def test_the_mask_that_is_added_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the vectors of docs/adding-a-mask.md, as they stand there."""
    source, vectors = re.findall(r"^```(?:python|yaml)\n(.+?)^```$", ADDING, re.M | re.S)
    module = ModuleType("added")
    monkeypatch.setitem(sys.modules, "added", module)
    without_registering = source.replace('@mask("initial")\n', "")
    exec(compile(without_registering, "adding-a-mask.md", "exec"), module.__dict__)  # the page's own text
    added = module.__dict__["Initial"]
    string = parse_type("string")
    for case in yaml.safe_load(vectors):
        mask = added(case.get("nulls") == "hide")
        assert [mask.row(before, string, KEYS) for before, _ in case["rows"]] == [after for _, after in case["rows"]]
