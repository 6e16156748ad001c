"""The files of a zone's documents.

    documents/<zone>/**/*.graphql             documents as they are written, one named query in each
    documents/<zone>.yaml                     the registry: what is answered
    documents/<zone>/registered/HASH.graphql  the texts that are answered, as they were when they were registered

`customhouse documents` writes the last two. Names are relative to the project, with forward slashes; hidden files and
folders are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from app.documents.source import HASH
from schema.errors import LoadError, Place
from schema.load_shape import Key, ListOf, Record, Text, check
from schema.yaml_source import Entries, Items, read_yaml, resolve

FOLDER, REGISTERED = "documents", "registered"
READ = (f"{FOLDER}/*.yaml", f"{FOLDER}/**/*.graphql")
"""The files that a project's documents are read from."""

_HEAD = "# What is answered, by hash and name. Written by 'customhouse documents add' and 'remove'.\ndocuments:\n"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_DAY = Text("", r"\d{4}-\d\d-\d\d", "a date, such as 2026-01-31")
_ENTRY = Record({
    "name": Key(Text("The operation's name."), required=True),
    "hash": Key(Text("The SHA-256 of its text, in hex.", HASH.pattern, "64 hexadecimal digits"), required=True),
    "file": Key(Text("Where it is written."), required=True),
    "added": Key(_DAY, required=True),
    "replaced": Key(_DAY),
}, "A registered document.", "document")  # fmt: skip
_SHAPE = Record({"documents": Key(ListOf(_ENTRY), required=True)}, "The documents that a zone answers.", "registry")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the registry. ``replaced``: since when another text has its name."""

    name: str
    hash: str
    file: str
    added: str
    replaced: str | None = None
    place: Place = field(default=Place(""), compare=False)

    @property
    def order(self) -> tuple[object, ...]:
        """By name, the newest first."""
        return (self.name, self.replaced is not None, [-ord(sign) for sign in self.replaced or ""], self.hash)


def registry_name(zone: str) -> str:
    return f"{FOLDER}/{zone}.yaml"


def text_name(zone: str, hash_: str) -> str:
    """Where the text of a registered document is kept."""
    return f"{FOLDER}/{zone}/{REGISTERED}/{hash_}.graphql"


def read_registry(root: Path, zone: str, errors: list[LoadError]) -> list[Entry]:
    """The lines of a zone's registry; none where there is no such file. What is wrong goes to ``errors``."""
    name = registry_name(zone)
    data = read(root, name)
    if data is None:
        return []
    before = len(errors)
    tree = read_yaml(data, name, errors)
    check(tree, _SHAPE, "", errors)
    if len(errors) > before or not isinstance(tree, Entries):
        return []
    items = tree.get("documents")
    return [_entry(node) for node in items.items if isinstance(node, Entries)] if isinstance(items, Items) else []


def _entry(node: Entries) -> Entry:
    said = {key: node.text(key) or "" for key in ("name", "hash", "file", "added")}
    return Entry(**said, replaced=node.text("replaced"), place=node.at("hash"))


def sources(root: Path, zone: str) -> Mapping[str, bytes]:
    """The documents of a zone as they are written, by file."""
    return _files(root, zone, registered=False)


def texts(root: Path, zone: str) -> Mapping[str, bytes]:
    """The texts that were registered, by file."""
    return _files(root, zone, registered=True)


def _files(root: Path, zone: str, registered: bool) -> Mapping[str, bytes]:
    found = {}
    top = root / FOLDER / zone
    for path in sorted(top.rglob("*.graphql")):
        parts = path.relative_to(top).parts
        name = path.relative_to(root).as_posix()
        if any(part.startswith(".") for part in parts) or (parts[0] == REGISTERED) is not registered:
            continue
        if (data := read(root, name)) is not None:
            found[name] = data
    return found


def zones(root: Path) -> list[str]:
    """The zones that have documents or a registry, whether or not the project has such zones."""
    top = root / FOLDER
    if not top.is_dir():
        return []
    found = {path.stem if path.suffix == ".yaml" else path.name for path in top.iterdir() if _counts(path)}
    return sorted(found)


def _counts(path: Path) -> bool:
    return not path.name.startswith(".") and (path.is_dir() or path.suffix == ".yaml")


def read(root: Path, name: str) -> bytes | None:
    """A file's bytes; None where it cannot be read."""
    try:
        return (root / name).read_bytes()
    except OSError:
        return None


def write_registry(root: Path, zone: str, entries: Iterable[Entry], kept: Mapping[str, str]) -> None:
    """Write a registry and the texts of ``kept``, by hash, and take away the others. A running gateway never sees a
    registry whose texts are not there."""
    entries = sorted(entries, key=lambda entry: entry.order)
    (root / FOLDER / zone / REGISTERED).mkdir(parents=True, exist_ok=True)
    for hash_, text in kept.items():
        _replace(root / text_name(zone, hash_), text)
    _replace(root / registry_name(zone), _HEAD + "".join(map(_written, entries)) if entries else "documents: []\n")
    for path in (root / FOLDER / zone / REGISTERED).glob("*.graphql"):
        if path.stem not in {entry.hash for entry in entries}:
            path.unlink()


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(beside, path)


def _written(entry: Entry) -> str:
    lines = [("name", entry.name), ("hash", entry.hash), ("file", entry.file), ("added", entry.added)]
    if entry.replaced is not None:
        lines.append(("replaced", entry.replaced))
    return "  - " + "    ".join(f"{key}: {_spelt(text)}\n" for key, text in lines)


def _spelt(text: str) -> str:
    """As YAML has it; quoted where it would be taken for something else than text."""
    plain = _PLAIN.fullmatch(text) and isinstance(resolve(text), str)
    return text if plain else orjson.dumps(text).decode()
