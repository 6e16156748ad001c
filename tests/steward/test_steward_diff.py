"""What a change means, as cases (diffs.yaml): each edits a copy of the house and says what widens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from app.cli import main
from app.project import Project, load_project
from app.steward.diff import diff
from app.steward.diff_text import diff_text
from tests.steward.place import HERE, edit, house

CASES: list[Mapping[str, object]] = yaml.safe_load((HERE / "diffs.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(house(tmp_path_factory.mktemp("diff"), databases=False))


def texts(case: Mapping[str, object], key: str) -> list[str]:
    found = case.get(key, [])
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_diff(before: Project, tmp_path: Path, case: Mapping[str, object]) -> None:
    after = house(tmp_path, databases=False)
    edits = case["edits"]
    assert isinstance(edits, list)
    edit(after, edits)

    found = diff(before, load_project(after), texts(case, "accept"))

    widening = {one.name for one in found.widening}
    wanted = set(texts(case, "widening"))
    assert wanted <= widening if case.get("partly") else wanted == widening
    assert bool(case.get("accept_rest")) is any(one.accepted for one in (*found.changes, *found.rules))
    text = diff_text(found)
    for said in texts(case, "says"):
        assert said in text
    for name in widening:
        assert f"--accept '{name}'" in text


def test_command(before: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = house(tmp_path, databases=False)
    edit(after, [{"file": "policies/shop.yaml", "from": "k: 3", "to": "k: 2"}])
    args = ["diff", str(before.root), str(after)]
    assert main(args) == 1
    text = capsys.readouterr().out
    assert "--accept 'carol/shop.orders'" in text
    assert main([*args, "--accept", "crowds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["widens"] is False
    assert [one["accepted"] for one in found["changes"]] == [True]


def test_breaking_fails_when_asked(before: Project, tmp_path: Path) -> None:
    after = house(tmp_path, databases=False)
    edit(after, [{"file": "catalog/shop.yaml", "from": "      weight: {type: float, sortable: false}\n", "to": ""}])
    assert main(["diff", str(before.root), str(after)]) == 0
    assert main(["diff", str(before.root), str(after), "--fail-on-breaking"]) == 1


def test_projects_that_do_not_load(before: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(before.root), str(tmp_path)]) == 1
    assert f"{tmp_path} cannot be loaded" in capsys.readouterr().err
