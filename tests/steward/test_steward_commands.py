"""The steward's commands with everything they print (commands.yaml). CUSTOMHOUSE_GOLDENS=write rewrites the goldens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from app.cli import main
from tests.steward.place import HERE, house

CASES: list[Mapping[str, object]] = yaml.safe_load((HERE / "commands.yaml").read_text(encoding="utf-8"))
GOLDENS = HERE / "goldens"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = house(tmp_path_factory.mktemp("commands"))
    shutil.copy(HERE / "policy_tests.yaml", found / "policies" / "tests.yaml")
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_command(project: Path, case: Mapping[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    args = case["args"]
    assert isinstance(args, list)
    code = main([*args, "--project", str(project)])
    printed = capsys.readouterr()
    found = (printed.out + printed.err).replace(str(project), "PROJECT")
    golden = GOLDENS / f"{case['name']}.txt"
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
    assert code == case.get("exit", 0)


def test_every_golden_has_a_case() -> None:
    assert {path.stem for path in GOLDENS.glob("*.txt")} == {case["name"] for case in CASES}
