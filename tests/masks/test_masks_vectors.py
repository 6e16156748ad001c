"""Golden vectors: vectors/<mask>.yaml says what each mask makes of a value; Python and every engine must agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.masks import mask_words
from tests.masks.cells import KEYS, Vectors, load, wire
from tests.masks.engines import Engine

FOLDER = Path(__file__).parent / "vectors"
CASES = [vectors for path in sorted(FOLDER.glob("*.yaml")) for vectors in load(path)]


def test_every_mask_has_vectors() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(mask_words())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_row(case: Vectors) -> None:
    for before, after in case.rows:
        masked = case.mask.row(before, case.type, KEYS)
        assert (type(masked), wire(masked, case.type)) == (type(after), wire(after, case.type)), before


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgres"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sql(case: Vectors, engine: str, engines: dict[str, Engine]) -> None:
    chosen = engines[engine]
    rows = [row for row in case.rows if all(chosen.holds(value, case.type) for value in row)]
    answers = chosen.answer(case.mask, case.type, [before for before, _ in rows]) if rows else []
    got = [(before, answer) for (before, _), answer in zip(rows, answers, strict=True)]
    assert got == [(before, wire(after, case.type)) for before, after in rows]
