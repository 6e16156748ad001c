"""Diff: a zone's folder against its registry, and the registry against the zone's present schema."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.documents.fit import fit
from app.documents.folder import Entry, read_registry
from app.documents.load import registered_source
from app.documents.register import newest, outcome, read_sources, whole_of
from app.documents.registry import Variable
from app.documents.source import Source
from schema.errors import LoadError, LoadErrors
from schema.graphql import View

Kind = Literal["added", "changed", "bounds", "moved", "removed", "invalid"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One document that is not as it is registered. ``said``: what changed in its variables, or what is wrong."""

    kind: Kind
    name: str
    file: str
    said: tuple[str, ...] = ()


def diff(root: Path, zone: str, view: View) -> list[Difference]:
    """What differs, by kind and name. Raises LoadErrors where the registry cannot be read."""
    errors: list[LoadError] = []
    entries = read_registry(root, zone, errors)
    if errors:
        raise LoadErrors(errors)
    written: list[LoadError] = []
    found = {source.name: source for source in read_sources(root, zone, written)}
    differences = [Difference("invalid", "", error.place.file, (str(error),)) for error in written]
    for entry in entries:
        differences += _invalid(root, zone, entry, view)
    current = newest(entries)
    for name, source in found.items():
        differences += _changed(root, zone, source, current.get(name), view)
    differences += [Difference("removed", name, entry.file) for name, entry in current.items() if name not in found]
    return sorted(differences, key=lambda one: (one.name, one.kind, one.file, one.said))


def _invalid(root: Path, zone: str, entry: Entry, view: View) -> list[Difference]:
    try:
        fit(registered_source(root, zone, entry), view, "CH252")
    except LoadErrors as wrong:
        return [Difference("invalid", entry.name, entry.file, tuple(map(str, wrong.errors)))]
    return []


def _changed(root: Path, zone: str, source: Source, entry: Entry | None, view: View) -> list[Difference]:
    kind = outcome(source, entry, whole_of(root, zone, entry))
    if kind == "same":
        return []
    try:
        now = fit(source, view, "CH250")
    except LoadErrors as wrong:
        return [Difference("invalid", source.name, source.file, tuple(map(str, wrong.errors)))]
    before: Sequence[Variable] = ()
    if entry is not None:
        with suppress(LoadErrors):  # said already
            before = fit(registered_source(root, zone, entry), view, "CH252")
    return [Difference(kind, source.name, source.file, _variables(before, now))]


def _variables(before: Sequence[Variable], now: Sequence[Variable]) -> tuple[str, ...]:
    """The variables that are no more, then those that are new or other."""
    old, new = [str(variable) for variable in before], [str(variable) for variable in now]
    gone = tuple(f"- {variable}" for variable in old if variable not in new)
    return gone + tuple(f"+ {variable}" for variable in new if variable not in old)
