"""What runs a statement. A back end is one file and knows no caller and no policy."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.places import Places
from resolvers.backends.stream import ArrowStream


class Deadline(NamedTuple):
    """When an answer must be there, on the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        return max(0.0, self.at - time.monotonic())


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most an answer of one statement may hold: rows, and bytes of values (as text). More is CH6xx, never a cut."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table as the source describes it, for `init` and `check --live`."""

    path: tuple[str, ...]
    columns: tuple[ColumnInfo, ...]
    key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    name: str
    type: str  # as spelt in a catalog (schema.types), 'unknown: <engine type>' where we have no word for it
    nullable: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    columns: tuple[str, ...]
    target: tuple[str, ...]
    target_columns: tuple[str, ...]


class Backend(Protocol):
    """A source that answers SQL.

    `fetch` returns rows of *wire values* (schema.types): str, int, float, bool, None, or for JSON-typed values already
    parsed Python, or `orjson.Fragment`. It raises `Refusal` CH501 (source down), CH502 (source failed), CH503 (timed
    out), CH601 (too many rows), CH602 (too many bytes); engine text goes to the log only. A cancelled task cancels the
    statement at the engine. A source that is down at start comes up later without a restart.
    """

    name: str

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """How statements are spelt for it; the same before and after it has been reached."""

    @abstractmethod
    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[tuple[object, ...]]: ...

    @abstractmethod
    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        """The rows of a statement in Arrow, in the engine's own types (`arrow_types`) and under the names that the
        statement gives them.

        Returns once the engine has accepted the statement and the columns are known. Raises `Refusal` CH501, CH502 and
        CH503, also while it is iterated; engine text goes to the log only. Cancelling the task that iterates, or
        ``aclose``, cancels the statement at the engine. Never more than two batches are held: the engine waits for a
        slow reader. Whoever has a stream closes it.
        """

    @abstractmethod
    async def describe(self) -> list[TableInfo]: ...

    @abstractmethod
    async def check(self) -> None:
        """Raise `Refusal` CH501 unless the source answers. One that is full of statements does: a process that has much
        to do must not be taken for one that can do nothing. What has died beneath them ends them by their deadlines."""

    @abstractmethod
    def places(self) -> list[Places]:
        """How full its pools are now. Asked every second, on the event loop."""

    @abstractmethod
    async def close(self) -> None: ...
