"""Print the part of requirements.lock that production needs: what customhouse itself depends on, and what that needs.

    python docker/production.py > production.lock

The lock says of each package what wants it (``# via``), so the way down is known without asking anybody. Only the
standard library is used: this runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==", re.M)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def production(lock: str, project: str) -> str:
    """The entries of the lock that are needed, as they stand there."""
    entries = _entries(lock)
    wanted = {name: _wanted_by(text) for name, text in entries.items()}
    dependencies = tomllib.loads(project)["project"]["dependencies"]
    kept = {_plain(_NAME.match(one)[0]) for one in dependencies}  # type: ignore[index]  # a requirement begins with one
    if missing := kept - entries.keys():
        raise SystemExit(f"requirements.lock lacks {', '.join(sorted(missing))}")
    while more := {name for name, by in wanted.items() if by & kept} - kept:
        kept |= more
    return "".join(text for name, text in entries.items() if name in kept)


def _entries(lock: str) -> Mapping[str, str]:
    starts = [(found.start(), _plain(found[1])) for found in _ENTRY.finditer(lock)]
    ends = [start for start, _ in starts[1:]] + [len(lock)]
    return {name: lock[start:end] for (start, name), end in zip(starts, ends, strict=True)}


def _wanted_by(text: str) -> set[str]:
    _, _, via = text.partition("# via")
    return {_plain(name) for line in via.splitlines() for name in _NAME.findall(line.replace("#", " "))[:1]}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.stdout.write(production((ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text()))
