"""Register: documents into a zone's registry, and out of it.

A document whose text has changed gets a second hash; the first stays answered, since clients in the field still send
it, until it is removed. One whose bounds alone have changed keeps its hash, and the bounds hold from now on.

Nothing is written unless everything can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.documents.fit import fit
from app.documents.folder import Entry, read, read_registry, sources, text_name, write_registry
from app.documents.source import Source, read_source
from schema.errors import LoadError, LoadErrors, Place
from schema.graphql import View

Outcome = Literal["added", "changed", "bounds", "moved", "same"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a document; ``before`` is the hash that its name had."""

    outcome: Outcome
    source: Source
    before: str | None = None


def read_sources(root: Path, zone: str, errors: list[LoadError]) -> list[Source]:
    """The documents that are written in a zone's folder. What is wrong goes to ``errors`` (CH250)."""
    found: dict[str, Source] = {}
    for file, data in sources(root, zone).items():
        try:
            source = read_source(data, file)
        except LoadErrors as wrong:
            errors += wrong.errors
            continue
        first = found.setdefault(source.name, source)
        if first is not source:
            sentence = f"A second operation is called '{source.name}'; the first stands in {first.file}."
            errors.append(LoadError(Place(file), "CH250", sentence, "Give one of them another name."))
    return list(found.values())


def outcome(source: Source, entry: Entry | None, whole: str | None) -> Outcome:
    """What registering a document would do; ``entry`` is the newest line of its name and ``whole`` its text."""
    if entry is None:
        return "added"
    if entry.hash != source.hash:
        return "changed"
    if whole != source.whole:
        return "bounds"
    return "moved" if entry.file != source.file else "same"


def newest(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """The lines that were not replaced, by name."""
    return {entry.name: entry for entry in entries if entry.replaced is None}


def whole_of(root: Path, zone: str, entry: Entry | None) -> str | None:
    """The registered text of a line, with bounds."""
    data = None if entry is None else read(root, text_name(zone, entry.hash))
    return None if data is None else data.decode("utf-8", "replace")


def register(root: Path, zone: str, view: View, files: Iterable[str], today: str) -> list[Done]:
    """Register the documents of these files, of all where none is named. Raises LoadErrors."""
    errors: list[LoadError] = []
    entries = read_registry(root, zone, errors)
    wanted = set(files)
    written = read_sources(root, zone, errors)
    if wanted:
        errors = [error for error in errors if error.place.file in wanted or error.code != "CH250"]
    chosen = [source for source in written if not wanted or source.file in wanted]
    for source in chosen:
        try:
            fit(source, view, "CH250")
        except LoadErrors as wrong:
            errors += wrong.errors
    if errors:
        raise LoadErrors(errors)
    done = []
    for source in chosen:
        entry = newest(entries).get(source.name)
        found = outcome(source, entry, whole_of(root, zone, entry))
        entries = _with(entries, entry, source, today)
        done.append(Done(found, source, None if entry is None else entry.hash))
    write_registry(root, zone, entries, {one.source.hash: one.source.whole for one in done})
    return done


def _with(entries: list[Entry], entry: Entry | None, source: Source, today: str) -> list[Entry]:
    """The registry with a document in it as the newest of its name."""
    known = next((one for one in entries if one.hash == source.hash), None)
    added = today if known is None else known.added
    kept = [one for one in entries if one.hash not in (source.hash, entry.hash if entry is not None else None)]
    if entry is not None and entry.hash != source.hash:
        kept.append(replace(entry, replaced=today))
    return [*kept, Entry(source.name, source.hash, source.file, added)]


def remove(root: Path, zone: str, hashes: Iterable[str]) -> list[Entry]:
    """Take documents out of the registry. Raises LoadErrors where the registry cannot be read, KeyError for what is
    not the beginning of exactly one hash."""
    errors: list[LoadError] = []
    entries = read_registry(root, zone, errors)
    if errors:
        raise LoadErrors(errors)
    gone = []
    for given in hashes:
        begun = given.removeprefix("sha256:").lower()
        found = [entry for entry in entries if entry.hash.startswith(begun)]
        if len(found) != 1 or len(begun) < SHORTEST:
            raise KeyError(given)
        gone += found
    left = [entry for entry in entries if entry not in gone]
    write_registry(root, zone, left, {})
    return gone


SHORTEST = 8
"""Digits of a hash that are enough to name it, where no other begins so."""
