"""A zone of partners that is not safe is not served, and what is wrong is said; waivers are by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.safety import CODES
from schema.errors import LoadErrors
from schema.yaml_source import plain, read_yaml
from schema.zone import RULES
from tests.zones.house import loaded

FILE = Path(__file__).parent / "safety.yaml"
CASES: Any = plain(read_yaml(FILE.read_bytes(), FILE.name, []))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_safety(case: dict[str, Any], tmp_path: Path) -> None:
    said: list[str] = []
    try:
        loaded(tmp_path, case.get("changes"))
    except LoadErrors as errors:
        said = [f"{error.code} {error.sentence}" for error in errors.errors]
    wanted = [part.partition(" ")[::2] for part in case.get("unsafe", [])]
    assert len(said) == len(wanted), "\n".join(said)
    for code, part in wanted:
        assert any(sentence.startswith(code) and part in sentence for sentence in said), "\n".join(said)


def test_every_rule_is_tried_and_has_a_page() -> None:
    tried = " ".join(sentence for case in CASES for sentence in case.get("unsafe", []))
    assert set(CODES) == set(RULES)
    assert all(code in tried for code in CODES.values())


def test_a_waiver_is_written_with_reason_and_date(tmp_path: Path) -> None:
    waiver = {"rule": "row-filter", "on": "shop.orders"}
    with pytest.raises(LoadErrors) as caught:
        loaded(tmp_path, yaml.safe_load(f"settings: {{zones: {{outside: {{waive: [{waiver}]}}}}}}"))
    assert [error.code for error in caught.value.errors] == ["CH208", "CH208"]
