"""Followed: who follows one request through its sources, for traces and for the record of slow requests.

Told in a context variable beside the request, as `resolvers.backends.asked`: never part of a key or of a decision.
Where nobody follows, it costs one look at the variable. Whoever joins another's statement follows nothing: it is the
first one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Protocol

from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from schema.query import Block, blocks_of

CANCELLED = "cancelled"


class Asking(Protocol):
    """One statement or call at a source, under way. ``headers`` go with what it sends over HTTP."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def ended(self, rows: int | None = None, code: str | None = None) -> None:
        """It gave so many rows, or failed with this code. Only the first call counts."""


class Following(Protocol):
    """Called from the event loop; must be quick and must not raise."""

    def runs(self, products: Iterable[str], texts: Callable[[], Iterable[str]]) -> None:
        """The plan runs from now on; ``texts`` gives its statements, for whoever wants to tell plans apart."""

    def asks(
        self, source: str, products: Callable[[], Iterable[str]], statement: Statement | None = None, keys: int = 0
    ) -> Asking:
        """A source is asked from now on: by a statement, or for so many keys. No ``products``: those of the plan."""


FOLLOWED: ContextVar[Following | None] = ContextVar("followed", default=None)
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
OUTGOING: ContextVar[Mapping[str, str]] = ContextVar("outgoing", default=NO_HEADERS)
"""Headers for our own calls over HTTP: the trace that they belong to."""


class Told:
    """Around one statement or call: tells who follows how it ended. What it gave is told by ``gave``."""

    __slots__ = ("_asking",)

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def gave(self, rows: int) -> None:
        self._asking.ended(rows)

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._asking.ended(code=error.code if isinstance(error, Refusal) else CANCELLED)


NOBODY: AbstractContextManager[None] = nullcontext()


def products_of(block: Block) -> list[str]:
    """The products of a block and of what stands inside it, each once."""
    return list(dict.fromkeys(one.product for one in blocks_of((block,))))
