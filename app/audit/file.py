"""A file that is only ever appended to, readable by its owner alone, put aside by size and at midnight (UTC).

Beside it, ``NAME.heads`` says every minute, at each change of files and at the end how far its chains have come; the
log says the same (``audit_head``), so that a trail which was cut off can be told by a copy kept elsewhere. Files that
were put aside are never touched again, and none is ever deleted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from app.audit.settings import Sync
from app.audit.sink import Head, SinkError

_HEADS_EVERY = 60.0
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
HEADS = ".heads"


class File:
    """``said`` is told each head that is written."""

    kind = "file"

    def __init__(
        self, path: Path, rotate: int, sync: Sync, said: Callable[[Head], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._path, self._most, self._sync, self._said, self._clock = path, rotate, sync, said, clock
        self._synced = self._headed = time.monotonic()
        self._unsynced, self._told = False, 0
        self._last: Head | None = None
        self._open()

    def write(self, lines: Sequence[bytes]) -> None:
        data = b"".join(lines)
        try:
            if self._size and (self._size + len(data) > self._most or self._day != self._today()):
                self._put_aside()
            self._append(data)
            self._unsynced = True
            due = self._sync == "second" and time.monotonic() - self._synced >= 1.0
            if due or self._sync == "always":
                self._force()
        except OSError as error:
            raise SinkError(f"{type(error).__name__} {error.errno}") from None

    def pause(self, head: Head, idle: bool) -> None:
        """Force what was written where there is time, and say how far it goes when a minute has passed."""
        self._last = head
        try:
            if idle and self._unsynced and self._sync != "never":
                self._force()
            if head.seq != self._told and time.monotonic() - self._headed >= _HEADS_EVERY:
                self.tell(head)
        except OSError as error:
            raise SinkError(f"{type(error).__name__} {error.errno}") from None

    def close(self, head: Head) -> None:
        try:
            if self._sync != "never":
                self._force()
            self.tell(head)
        except OSError as error:
            raise SinkError(f"{type(error).__name__} {error.errno}") from None
        finally:
            os.close(self._descriptor)

    def tell(self, head: Head) -> None:
        """Write a head beside the file."""
        self._headed, self._told = time.monotonic(), head.seq
        line = orjson.dumps({"chain": head.chain, "seq": head.seq, "hash": head.hash}) + b"\n"
        heads = os.open(f"{self._path}{HEADS}", _FLAGS, 0o600)
        try:
            os.write(heads, line)
            os.fdatasync(heads)
        finally:
            os.close(heads)
        self._said(head)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        found = os.fstat(self._descriptor)
        self._size, self._day = found.st_size, self._today()
        if self._size:
            self._day = datetime.fromtimestamp(found.st_mtime, UTC).date()
            with open(self._path, "rb") as before:
                before.seek(-1, os.SEEK_END)
                if before.read(1) != b"\n":  # whoever wrote it was killed in the middle of a line
                    os.write(self._descriptor, b"\n")

    def _append(self, data: bytes) -> None:
        """All of it or nothing: a line that was begun is taken back."""
        start = os.fstat(self._descriptor).st_size
        written = os.write(self._descriptor, data)
        if written < len(data):
            if os.fstat(self._descriptor).st_size == start + written:
                os.ftruncate(self._descriptor, start)
            raise OSError(28, "the file did not take everything")
        self._size = start + written

    def _force(self) -> None:
        os.fdatasync(self._descriptor)
        self._synced, self._unsynced = time.monotonic(), False

    def _put_aside(self) -> None:
        """Go on in a new file. Another process that appends to the same file may have put it aside already."""
        self._force()
        if self._last is not None and self._last.seq != self._told:
            self.tell(self._last)
        ours, there = os.fstat(self._descriptor), _stat(self._path)
        if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            os.rename(self._path, self._aside())
        os.close(self._descriptor)
        self._open()

    def _aside(self) -> Path:
        """A name that no file has."""
        stamp = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%S")
        for number in range(1, 100_000):
            found = self._path.with_name(f"{self._path.stem}.{stamp}.{number:05d}{self._path.suffix}")
            if not found.exists():
                return found
        raise OSError(17, "no name is free")

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def worker_path(path: Path, worker: int | None) -> Path:
    """The file of one of several workers."""
    return path if worker is None else path.with_name(f"{path.stem}.{worker}{path.suffix}")
