"""A project in one file, and what loading it says.

``#: NAME`` begins a file of the project, ``# environment: NAME`` picks an overlay, and what follows ``#!`` are the
expected errors, each line behind ``# ``. A case without a customhouse.yaml gets a small one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BASE = """\
version: 1
sources: {db: {kind: duckdb, url: data/db.duckdb}, far: {kind: postgres, url: "secret:env:FAR"}}
claims: {roles: {type: list<string>}, tenant: {type: string}}
issuers: {dev: {issuer: "https://dev.example", audiences: [gateway], development: true}}
zones: {internal: {issuers: [dev]}}
"""


@dataclass(frozen=True)
class Case:
    """``text`` is all before the expectation."""

    text: str
    files: dict[str, str]
    environment: str | None
    expected: str

    def write(self, folder: Path) -> Path:
        """Lay the project out in a folder."""
        for name, content in {"customhouse.yaml": BASE, **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content.strip() != "(absent)":
                path.write_text(content, encoding="utf-8")
        return folder


def read_case(path: Path) -> Case:
    text, _, expected = path.read_text(encoding="utf-8").partition("#!\n")
    _, *parts = re.split(r"^#: (\S+)\n", text, flags=re.MULTILINE)
    environment = re.search(r"^# environment: (\S+)$", text, flags=re.MULTILINE)
    lines = "\n".join(line.removeprefix("#").removeprefix(" ") for line in expected.splitlines())
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    return Case(text, files, environment[1] if environment else None, lines)


def written(case: Case, said: str) -> str:
    """The case file with this expectation."""
    return case.text + "#!\n" + "".join(f"# {line}".rstrip() + "\n" for line in said.splitlines())
