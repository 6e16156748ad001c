"""Sinks: where lines go. Each is used by one thread, which is its writer's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class SinkError(Exception):
    """Lines were not accepted; they may be given again. The text names a kind of failure, and no line."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain has come."""

    chain: str
    seq: int
    hash: str


class Sink(Protocol):
    """``write`` gives nothing where every line was accepted, and raises `SinkError` where that is not sure. ``pause``
    is called after lines were accepted, and when nothing has come for a second (``idle``); ``close`` at the end."""

    @property
    def kind(self) -> str: ...
    def write(self, lines: Sequence[bytes]) -> None: ...
    def pause(self, head: Head, idle: bool) -> None: ...
    def close(self, head: Head) -> None: ...


class Stdout:
    """Lines beside those of the log, in the same stream."""

    kind = "stdout"

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def write(self, lines: Sequence[bytes]) -> None:
        try:
            for line in lines:
                written = os.write(self._descriptor, line)
                while written < len(line):
                    written += os.write(self._descriptor, line[written:])
        except OSError as error:
            raise SinkError(type(error).__name__) from None

    def pause(self, head: Head, idle: bool) -> None: ...
    def close(self, head: Head) -> None: ...
