"""The gateway's own log: one JSON object a line on standard output, without personal data.

Several workers write to one stream, so a write is whole lines and no longer than a pipe takes in one piece.

Never here: tokens, claims, subjects, query text, variables, row values, engine texts. A line is kept back for a
twentieth of a second at most, so that a request does not wait for the terminal.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

Members = Callable[..., str]
_pending: list[bytes] = []
_late: list[tuple[float, Members, tuple[object, ...]]] = []
_TOGETHER = 32
_begun = [False]
_LEVELS = ("debug", "info", "warning", "error")
_least = [1]
_always: dict[str, object] = {}
_ending = ["}\n"]
_PIECE = 4096  # POSIX: a write of so many bytes to a pipe is not mixed with another process's


def configure(level: str, **always: object) -> None:
    """Leave out what is less important than ``level``, and say these fields in every line."""
    _least[0] = _LEVELS.index(level)
    _always.update(always)
    _ending[0] = f",{orjson.dumps(_always).decode()[1:]}\n" if _always else "}\n"


def says(level: str) -> bool:
    """Whether lines of this level are written."""
    return _LEVELS.index(level) >= _least[0]


def event(name: str, level: str = "info", **fields: object) -> None:
    """Say that something happened to the gateway itself."""
    if says(level):
        line({"level": level, "event": name, **fields})


def line(record: dict[str, object]) -> None:
    """Write one record, with the time added."""
    _write_late()
    _pending.append(orjson.dumps({"time": _moment(time.time()), **record, **_always}, default=str) + b"\n")
    _begin()


def later(members: Members, *values: object) -> None:
    """Write a record with the time it is now, and what ``members`` writes of ``values``: JSON members, every part of
    which is ours or was checked. It does so when some lines have come together, so nobody may change the values, and it
    must not fail. Between other work it would cost twice as much."""
    _late.append((time.time(), members, values))
    if len(_late) >= _TOGETHER:
        _write_late()
    _begin()


def _write_late() -> None:
    for at, members, values in _late:
        _pending.append(f'{{"time":"{_moment(at)}",{members(*values)}{_ending[0]}'.encode())
    _late.clear()


def _begin() -> None:
    """See to it that what is pending is written."""
    if _begun[0]:
        return
    try:
        asyncio.get_running_loop().call_later(0.05, flush)
        _begun[0] = True
    except RuntimeError:
        flush()


_second: list[tuple[int, str]] = [(0, "")]


def _moment(at: float) -> str:
    """The time in UTC to the millisecond. What is written of a second is written once."""
    whole = int(at)
    if whole != _second[0][0]:
        _second[0] = (whole, datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_second[0][1]}.{int((at - whole) * 1000):03d}+00:00"


def flush() -> None:
    """Write what is pending."""
    _begun[0] = False
    _write_late()
    text = b"".join(_pending)
    # One process alone need not mind where a write is cut; several must not mix their lines.
    pieces = [text] if "worker" not in _always else _whole_lines(_pending)
    _pending.clear()
    try:
        for piece in filter(None, pieces):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    except (BrokenPipeError, ValueError):  # whoever read the log is gone; requests go on
        pass


def _whole_lines(lines: list[bytes]) -> list[bytes]:
    """Lines in pieces that a pipe takes whole."""
    pieces: list[bytes] = []
    size = 0
    for text in lines:
        if pieces and size + len(text) <= _PIECE:
            pieces[-1] += text
            size += len(text)
        else:
            pieces.append(text)
            size = len(text)
    return pieces


def failure(request_id: str, error: BaseException) -> None:
    """Say where something unforeseen happened: the kind and the frames. The text may hold values, so it stays out."""
    frames = [f"{frame.name} ({frame.filename.rsplit('/', 2)[-1]}:{frame.lineno})" for frame in _frames(error)]
    event("failure", "error", request_id=request_id, kind=type(error).__name__, frames=frames[-12:])


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))
