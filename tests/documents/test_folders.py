"""Documents in files: what cannot be registered (bad.yaml), and what becomes of a shop's folder (folders.yaml)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.documents.folder import Entry, read_registry, write_registry
from app.project import load_project
from schema.errors import LoadError
from tests.documents.place import HERE, command, registered, shop

BAD: list[dict[str, Any]] = yaml.safe_load((HERE / "bad.yaml").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "folders.yaml").read_text(encoding="utf-8"))
GOLDENS = HERE / "goldens"


def filled(text: str, hashes: Mapping[str, str]) -> str:
    for name, hash_ in hashes.items():
        text = text.replace(f"{{{name}}}", hash_)
    return text


def edit(project: Path, one: Mapping[str, Any], hashes: Mapping[str, str]) -> None:
    path = project / filled(one["file"], hashes)
    path.parent.mkdir(parents=True, exist_ok=True)
    if one.get("gone"):
        path.unlink()
    elif "text" in one:
        path.write_text(filled(one["text"], hashes))
    else:
        text = path.read_text()
        assert text.count(one["from"]) == 1, text
        path.write_text(text.replace(one["from"], one["to"]))


@pytest.mark.parametrize("case", BAD, ids=lambda case: str(case["want"][0]))
def test_bad(case: dict[str, Any], tmp_path: Path) -> None:
    project = shop(tmp_path)
    (project / "documents/closed/x.graphql").write_text(case["text"])
    code, printed = command(project, "documents", "add", "--zone", "closed")
    found = re.findall(r"^documents/closed/x\.graphql:(\d+:\d+)  CH250 (.*)$", printed, re.M)
    assert [" ".join(one) for one in found] == case["want"], printed
    assert code == 1
    assert not (project / "documents/closed.yaml").exists()


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_folder(case: dict[str, Any], tmp_path: Path) -> None:
    project = shop(tmp_path)
    hashes = registered(project)
    for one in case.get("edits", ()):
        edit(project, one, hashes)
    code, printed = 0, ""
    for step in case["runs"]:
        if isinstance(step, dict):
            edit(project, step, hashes)
        else:
            code, printed = command(project, *(filled(word, hashes) for word in step))
    assert code == case.get("exit", 0), printed
    at = 0
    for piece in case.get("want", ()):
        at = printed.index(filled(piece, hashes), at)
    for piece in case.get("lacks", ()):
        assert piece not in printed


def test_commands(tmp_path: Path) -> None:
    """All that the commands print, over the life of a folder. CUSTOMHOUSE_GOLDENS=write rewrites the golden."""
    project, said = shop(tmp_path), []

    def run(*words: str) -> None:
        code, printed = command(project, "documents", *words, "--zone", "closed")
        said.append(f"$ customhouse documents {' '.join(words)}\n{printed}-> {code}\n")

    run("diff")
    run("add")
    run("add")
    run("list")
    run("diff")
    edit(project, {"file": "documents/closed/orders.graphql", "from": "$first: Int = 20 @range(min: 1, max: 100)",
                   "to": "$first: Int! @range(min: 1, max: 50)"}, {})  # fmt: skip
    edit(project, {"file": "documents/closed/some.graphql", "from": "max: 3", "to": "max: 4"}, {})
    edit(project, {"file": "documents/closed/wrong.graphql", "text": "query Wrong { orders { nodes { x } } }"}, {})
    run("diff")
    run("add", "documents/closed/orders.graphql", "documents/closed/some.graphql")
    (project / "documents/closed/some.graphql").unlink()
    run("diff")
    text = re.sub(r"\d{4}-\d\d-\d\d", "DATE", "".join(said) + (project / "documents/closed.yaml").read_text())
    golden = GOLDENS / "commands.txt"
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_names_that_yaml_would_misread(tmp_path: Path) -> None:
    """A registry is read as it was written, whatever its words look like."""
    entries = [
        Entry("true", "1" * 64, "documents/closed/a b.graphql", "2026-01-01"),
        Entry("null", "1" * 60 + "e123", 'documents/closed/"é.graphql', "2026-01-01", "2026-01-02"),
    ]
    (tmp_path / "documents").mkdir()
    write_registry(tmp_path, "closed", entries, {})
    errors: list[LoadError] = []
    assert sorted(read_registry(tmp_path, "closed", errors), key=lambda one: one.hash) == entries
    assert errors == []


def test_what_is_loaded(tmp_path: Path) -> None:
    """A zone gets its own documents and no others; the newest has the name, and what is served has no bounds."""
    project = shop(tmp_path)
    hashes = registered(project)
    edit(project, {"file": "documents/closed/orders.graphql", "from": "  region\n}", "to": "  region\n  email\n}"}, {})
    assert command(project, "documents", "add", "--zone", "closed")[0] == 0
    loaded = load_project(project)
    closed = loaded.seen_in("closed").documents
    assert (set(loaded.documents), set(closed)) == ({"internal", "closed"}, {"closed"})
    newest, first = closed["closed"].by_name["OrdersOf"], closed["closed"].by_hash[hashes["OrdersOf"]]
    assert (newest.replaced, first.replaced) == (None, first.replaced)
    assert first.replaced is not None
    assert "email" in newest.text
    assert "@length" not in newest.text + first.text
    assert closed["closed"].find(f"sha256:{hashes['OrdersOf'].upper()}") is first
    assert [(one.name, one.required, one.form, one.default) for one in newest.variables] == [
        ("region", True, "text", None),
        ("first", False, "number", "20"),
    ]
    assert (newest.description, newest.variables[0].description) == ("Orders of a region.", "The region's name")
