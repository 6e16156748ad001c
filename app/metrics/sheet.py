"""A sheet of numbers in shared memory: one worker writes it, any process forked from the same parent reads it.

    header   what the worker is doing: see `_USED_NAMES` and those beside it; then what it serves, as JSON
    names    one JSON line for each set of labels: [metric, [label, ..], first cell]
    cells    64-bit floats

A number is counted where it is read, so nothing is sent, written to disk or lost when a worker is killed. A worker that
takes a dead one's place goes on with its sheet: counters never go back. The cells of a row are filled before its name
is counted as there, so a reader sees a whole row or none. Each cell is read and written in one piece; a sum over cells
taken while a worker counts may be behind by the request in progress.

Not for threads: a sheet is written by its worker's event loop alone.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from app.metrics.families import RECORDED, Family

_HEADER, _NAMES, _CELLS = 4096, 512 * 1024, 64 * 1024
_SIZE = _HEADER + _NAMES + _CELLS * 8
_USED_NAMES, _USED_CELLS, _BEAT, _MISSING, _TURN, _LENGTH, _CONNECTIONS, _TEXT = 0, 1, 2, 3, 4, 5, 6, 64
_DEGRADED, _SOURCES = 7, 1024
NOT_SERVING = -1.0
MISSING = ("catalog", "draining", "keys", "sources")


@dataclass(frozen=True, slots=True)
class Version:
    """What a worker serves: the project's fingerprint and the versions of catalog and policies."""

    fingerprint: str = ""
    catalog: str = ""
    policies: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one set of labels."""

    family: Family
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Sheet:
    """One worker's numbers. ``cells`` is written directly by `app.metrics.metrics`, at places that `place` gives; those
    from ``spare`` on are never read."""

    spare = _CELLS - 64

    def __init__(self, memory: memoryview) -> None:
        self._head = memory[:_HEADER].cast("d")
        self._text = memory[_TEXT:_SOURCES]
        self._sources = memory[_SOURCES:_HEADER]
        self._silent: dict[str, frozenset[str]] = {}
        self._known: dict[tuple[str, tuple[str, ...]], int] | None = None
        self._names = memory[_HEADER : _HEADER + _NAMES]
        self.cells = memory[_HEADER + _NAMES :].cast("d")

    def place(self, family: Family, labels: tuple[str, ...]) -> int:
        """The first cell of a row, made now if it is new; one that nobody reads where the sheet is full."""
        if self._known is None:  # its only writer, once it has read what was there, knows what is
            self._known = {(name, its): first for name, its, first in self._rows()}
        if (found := self._known.get((family.name, labels))) is not None:
            return found
        line = orjson.dumps([family.name, labels, int(self._head[_USED_CELLS])]) + b"\n"
        names, first = int(self._head[_USED_NAMES]), int(self._head[_USED_CELLS])
        if names + len(line) > _NAMES or first + family.cells > self.spare:
            return self.spare
        self._names[names : names + len(line)] = line
        self._head[_USED_CELLS] = first + family.cells
        self._head[_USED_NAMES] = names + len(line)
        self._known[family.name, labels] = first
        return first

    def rows(self) -> Iterator[Row]:
        """Everything counted so far."""
        for name, labels, first in self._rows():
            family = RECORDED[name]
            yield Row(family, labels, tuple(self.cells[first : first + family.cells]))

    def _rows(self) -> Iterator[tuple[str, tuple[str, ...], int]]:
        for line in bytes(self._names[: int(self._head[_USED_NAMES])]).splitlines():
            name, labels, first = orjson.loads(line)
            yield name, tuple(labels), first

    def leave(self) -> None:
        """The worker is gone: what it was doing is over, what it counted stays."""
        self._head[_BEAT], self._head[_MISSING], self._head[_CONNECTIONS] = 0.0, NOT_SERVING, 0.0
        self._head[_DEGRADED] = 0.0
        for name, _, first in self._rows():
            if RECORDED[name].kind == "gauge":
                self.cells[first] = 0.0

    def beat(self, missing: Sequence[str]) -> None:
        """The worker runs, and lacks this to answer requests."""
        self._head[_MISSING] = float(sum(1 << MISSING.index(name) for name in missing))
        self._head[_BEAT] = time.monotonic()

    def degrade(self, zone: str, sources: frozenset[str]) -> None:
        """These sources of a zone do not answer, and requests can be answered without them."""
        if self._silent.get(zone, frozenset()) == sources:
            return
        self._silent[zone] = sources
        names = sorted({name for silent in self._silent.values() for name in silent})
        while len(text := orjson.dumps(names)) > len(self._sources):
            names.pop()
        self._head[_DEGRADED] = 0.0
        self._sources[: len(text)] = text
        self._head[_DEGRADED] = len(text)

    def serve(self, version: Version) -> None:
        """The worker serves this version from now on."""
        text = orjson.dumps([version.fingerprint, version.catalog, version.policies])
        self._head[_TURN] += 1
        self._text[: len(text)] = text
        self._head[_LENGTH] = len(text)
        self._head[_TURN] += 1

    @property
    def version(self) -> Version | None:
        """What is served; None where nothing is, or where it is just being written."""
        turn = self._head[_TURN]
        text = bytes(self._text[: int(self._head[_LENGTH])])
        if self._head[_MISSING] == NOT_SERVING or turn % 2 or turn != self._head[_TURN]:
            return None
        return Version(*orjson.loads(text)) if text else None

    @property
    def serving(self) -> bool:
        """Whether a living worker has begun to serve."""
        return self._head[_MISSING] != NOT_SERVING

    @property
    def missing(self) -> tuple[str, ...]:
        """What the worker lacks to answer requests."""
        bits = int(self._head[_MISSING])
        return ("catalog",) if bits < 0 else tuple(name for at, name in enumerate(MISSING) if bits >> at & 1)

    @property
    def degraded(self) -> frozenset[str]:
        """Sources that do not answer, and are not needed to be ready."""
        length = int(self._head[_DEGRADED])
        text = bytes(self._sources[:length])
        return frozenset(orjson.loads(text)) if length and length == int(self._head[_DEGRADED]) else frozenset()

    @property
    def connections(self) -> int:
        """How many connections the worker has."""
        return int(self._head[_CONNECTIONS])

    @connections.setter
    def connections(self, count: int) -> None:
        self._head[_CONNECTIONS] = count

    @property
    def silent_for(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._head[_BEAT]


def sheets(count: int) -> list[Sheet]:
    """Memory for so many workers, to be made before they are forked. Pages that nobody writes cost nothing."""
    made = []
    for _ in range(count):
        sheet = Sheet(memoryview(mmap.mmap(-1, _SIZE)))
        sheet.leave()
        made.append(sheet)
    return made
