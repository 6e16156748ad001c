"""What the documents say can be done exists: commands, settings; and what must never stand in a file does not."""

from __future__ import annotations

import re

import pytest

from app.settings import VARIABLES
from tests.docs.tree import ROOT, documents, name, sources, tracked

# Written in two parts, so that this file does not find itself.
_FORBIDDEN = re.compile("|".join((
    "/" + "work/", "/" + "farm/", "bash" + "_jobs", "--(extra-)?" + "index-url", "registry" + r"\.npmjs",
    "files" + r"\.pythonhosted", "pypi" + r"\.org/simple", "/" + r"root/\.", r"/home/[a-z]+/",
)))  # fmt: skip


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def told(text: str) -> set[str]:
    """The targets a text tells to make: `make x` in code, on a line of a code block or in backticks."""
    return set(re.findall(r"(?:^|`)(?:[A-Z]+=\S+ )*make ([a-z][a-z-]*)", text, re.M))


def test_commands_exist() -> None:
    wrong = {name(path): told(path.read_text(encoding="utf-8")) - targets() for path in documents()}
    assert {file: commands for file, commands in wrong.items() if commands} == {}


def test_readme_names_the_commands() -> None:
    assert {"run", "test", "check"} <= told((ROOT / "README.md").read_text(encoding="utf-8"))


def test_every_target_is_listed_and_phony() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.M)).split())
    assert targets() == phony


@pytest.mark.parametrize("variable", VARIABLES)
def test_settings_are_documented(variable: str) -> None:
    pages = [path for path in documents() if path.is_relative_to(ROOT / "docs")]
    assert any(f"`{variable}`" in path.read_text(encoding="utf-8") for path in pages)


def test_settings_read_are_declared() -> None:
    read = set()
    for path in sources():
        read |= set(re.findall(r"""environ(?:\.get\(|\[)\s*["']([A-Z_]+)["']""", path.read_text(encoding="utf-8")))
    assert read <= VARIABLES.keys()


def test_no_machine_stands_in_a_file() -> None:
    found = {}
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # data, not text
        if match := _FORBIDDEN.search(text):
            found[name(path)] = match[0]
    assert found == {}
