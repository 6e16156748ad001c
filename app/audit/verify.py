"""Verify: whether the lines of a trail are those that were written, all of them, in their order.

1. Every line is a record whose hash is that of its canonical form.
2. The lines of a chain follow each other by number and by hash, from 1, in all the files that are given, whatever their
   order. A line may come twice, unchanged: a collector may have been sent it twice.
3. No chain ends before a head that was written down for it, beside the file or elsewhere.

Does not promise: that a chain without an end goes no further than the last head. Whoever can write the files and every
copy of the heads can write another trail; keep a copy of the heads where they cannot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

import orjson

from app.audit.chain import FIRST, canonical
from app.audit.file import HEADS
from app.audit.sink import Head

_END = "audit.stop"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is what it says: where it is, and its place in its chain."""

    where: str
    chain: str
    seq: int
    prev: str
    hash: str
    end: bool


@dataclass(slots=True)
class Found:
    """What was found: the breaks, as sentences that begin with a place, and how each chain is."""

    breaks: list[str] = field(default_factory=list)
    chains: dict[str, list[Line]] = field(default_factory=dict)
    records: int = 0

    def said(self) -> list[str]:
        """A sentence for each chain."""
        return [
            f"{chain}: {len(lines)} records, {lines[0].seq} to {lines[-1].seq}, {'ended' if lines[-1].end else 'open'}"
            for chain, lines in sorted(self.chains.items())
        ]


def verify(files: Sequence[Path], heads: Sequence[Path] = (), partial: bool = False) -> Found:
    """Look at the files together. ``heads`` are further files with heads, logs for instance; those beside the files
    are read by themselves. ``partial``: chains may begin or go on in files that are not given. Raises OSError."""
    found = Found()
    for path in files:
        for number, text in enumerate(_lines(path), 1):
            _line(f"{path}:{number}", text, found)
    for lines in found.chains.values():
        _follow(lines, found, partial)
    beside = [there for path in files if (there := Path(f"{path}{HEADS}")).exists()]
    for path in (*beside, *heads):
        for head in _heads(path):
            _reach(path, head, found, partial)
    return found


def _lines(path: Path) -> Iterable[bytes]:
    with open(path, "rb") as file:
        for text in file:
            if not text.endswith(b"\n"):
                yield b""  # a line without its end is no line
            else:
                yield text[:-1]


def _line(where: str, text: bytes, found: Found) -> None:
    try:
        record = orjson.loads(text)
        place = record["unmapped"]["chain"]
        hash_ = place.pop("hash")
        line = Line(where, place["id"], place["seq"], place["prev"], hash_, _is_end(record))
        whole = hashlib.sha256(canonical(record)).hexdigest() == hash_
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, KeyError, TypeError, AttributeError):
        found.breaks.append(f"{where} is no record of a chain: cut off, or changed.")
        return
    if not whole or type(line.seq) is not int:
        found.breaks.append(f"{where} was changed: its hash does not fit (chain {line.chain}, record {line.seq}).")
        return
    found.records += 1
    found.chains.setdefault(line.chain, []).append(line)


def _is_end(record: dict[str, object]) -> bool:
    return record["class_uid"] == 6003 and cast(dict[str, object], record["api"])["operation"] == _END


def _follow(lines: list[Line], found: Found, partial: bool) -> None:
    """Put a chain's lines in order, and find what is missing or moved."""
    _moved(lines, found)
    known: dict[int, Line] = {}
    for line in lines:
        before = known.setdefault(line.seq, line)
        if before.hash != line.hash:
            found.breaks.append(f"{line.where} takes the place of record {line.seq}, which stands at {before.where}.")
    lines[:] = [known[seq] for seq in sorted(known)]
    first = lines[0]
    if first.seq == 1 and first.prev != FIRST:
        found.breaks.append(f"{first.where} begins chain {first.chain} with a hash before it.")
    if first.seq > 1 and not partial:
        found.breaks.append(
            f"{first.where}: records 1 to {first.seq - 1} of chain {first.chain} are missing before it."
        )
    for before, line in pairwise(lines):
        if line.seq > before.seq + 1:
            gap = f"records {before.seq + 1} to {line.seq - 1} of chain {line.chain} are missing"
            found.breaks.append(f"{line.where}: {gap} before it.")
        elif line.prev != before.hash:
            found.breaks.append(
                f"{line.where} does not follow {before.where}: record {line.seq} of chain {line.chain}."
            )


def _moved(lines: list[Line], found: Found) -> None:
    """Lines of one file that stand before those they follow."""
    last: dict[str, Line] = {}
    seen: set[str] = set()
    for line in lines:
        file = line.where.rpartition(":")[0]
        before = last.get(file)
        if before is not None and line.seq < before.seq and line.hash not in seen:
            found.breaks.append(f"{line.where} was moved: record {line.seq} stands behind record {before.seq}.")
        last[file] = line
        seen.add(line.hash)


def _heads(path: Path) -> Iterable[Head]:
    """The heads in a file: its lines that have a chain, a number and a hash. Others are of no concern here."""
    with open(path, "rb") as file:
        for text in file:
            try:
                said = orjson.loads(text)
                yield Head(str(said["chain"]), int(said["seq"]), str(said["hash"]))
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                continue


def _reach(path: Path, head: Head, found: Found, partial: bool) -> None:
    lines = found.chains.get(head.chain)
    if lines is None:
        if not partial and head.seq:
            found.breaks.append(f"{path}: chain {head.chain} of {head.seq} records is not in the files.")
        return
    line = next((line for line in lines if line.seq == head.seq), None)
    if line is not None and line.hash != head.hash:
        found.breaks.append(f"{line.where} is not the record that {path} names (chain {head.chain}, {head.seq}).")
    elif line is None and lines[-1].seq < head.seq and not partial:
        cut = f"chain {head.chain} ends with record {lines[-1].seq}, and had {head.seq}"
        found.breaks.append(f"{lines[-1].where}: {cut}: the rest was cut off.")
