"""Run: a planned statement against its sources, as a stream of Arrow batches.

Where it runs over pulled rows, the sources are asked side by side, and each sends governed rows only. Nothing is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from resolvers.backends.backend import Backend, Deadline
from resolvers.backends.binding import values
from resolvers.backends.caps import Caps
from resolvers.backends.dialect import Statement
from resolvers.backends.stream import ArrowStream
from resolvers.bind import Request
from resolvers.observe import Observer
from resolvers.statements.keyed_plan import FoundByKey
from resolvers.statements.narrow import MOST
from resolvers.statements.plan import MIXED, Pulled, StatementPlan
from resolvers.statements.virtual import Rows, Virtual
from resolvers.statements.watched import Watched
from schema.query import Slot

if TYPE_CHECKING:
    import pyarrow as pa


async def run_statement(
    plan: StatementPlan,
    request: Request,
    backends: Mapping[str, Backend],
    virtual: Virtual,
    deadline: Deadline,
    caps: Caps,
    lookup: Lookup,
    observer: Observer,
) -> ArrowStream:
    """The rows of a statement. Raises `Refusal` CH501, CH502, CH503, CH504, CH606."""
    bound = values(plan.statement, request.value)
    if plan.source != MIXED:
        return await _stream(backends[plan.source], observer, plan.statement, bound, deadline)
    from resolvers.backends.mix import Follow, Part, mixed  # imported here because it imports Arrow and an engine

    parts: dict[str, Part] = {name: Rows(virtual.table(name)) for name in plan.virtual}
    follow: dict[str, Follow] = {}
    for pulled in plan.pulled:
        if pulled.narrowed is not None:
            keys = pulled.narrowed.keys
            opens = partial(_narrowed, pulled, backends[pulled.source], observer, request, deadline)
            follow[pulled.name] = Follow(keys, values(keys, request.value), MOST, opens)
            continue
        # Opened when its turn comes: parts that wait for each other's places in one source would wait for ever.
        own = values(pulled.statement, request.value)
        parts[pulled.name] = partial(_stream, backends[pulled.source], observer, pulled.statement, own, deadline)
    for part in plan.found:
        bound_keys = values(part.keys, request.value)
        follow[part.name] = Follow(part.keys, bound_keys, lookup.most, partial(lookup.part, part))
    return await mixed(parts, plan.statement, bound, deadline, caps, follow)


async def _narrowed(
    pulled: Pulled,
    backend: Backend,
    observer: Observer,
    request: Request,
    deadline: Deadline,
    keys: list[tuple[object, ...]] | None,
) -> ArrowStream:
    """A large part: for the keys of the others where these are few, else whole."""
    narrow = pulled.narrowed
    if keys is None or narrow is None:
        own = values(pulled.statement, request.value)
        return await _stream(backend, observer, pulled.statement, own, deadline)
    given = [key[0] for key in keys if key[0] is not None]

    def value(slot: Slot) -> object:
        return given if slot.origin == "keys" else request.value(slot)

    return await _stream(backend, observer, narrow.statement, values(narrow.statement, value), deadline)


async def _stream(
    backend: Backend, observer: Observer, statement: Statement, bound: Sequence[object], deadline: Deadline
) -> ArrowStream:
    with Watched(backend.name, statement, observer) as watched:
        return watched.follow(await backend.stream(statement, bound, deadline))


class Lookup(NamedTuple):
    """What finds parts by key, for at most ``most`` keys each."""

    most: int
    part: Callable[[FoundByKey, list[tuple[object, ...]] | None], Awaitable[ArrowStream]]


class Renamed:
    """A stream whose columns have the names that the caller gave them."""

    def __init__(self, stream: ArrowStream, names: tuple[str, ...]) -> None:
        import pyarrow as pa

        self._stream = stream
        fields = [field.with_name(name) for field, name in zip(stream.schema, names, strict=True)]
        self.schema = pa.schema(fields)

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        import pyarrow as pa

        async for batch in self._stream:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    async def aclose(self) -> None:
        await self._stream.aclose()
