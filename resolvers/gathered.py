"""Gathered: what is asked before a question, and the lists that it binds (`schema.query.Gathering`).

Each is asked once a request, when the first step needs it, after those that it needs itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from sqlglot import exp

from policies.evaluate import evaluator
from resolvers.backends.binding import prepare
from resolvers.bind import Request
from resolvers.natural import natural
from resolvers.steps import Fetch, Gather, Layout, Plan, Step, steps_of
from schema.query import SEPARATOR, Slot

Row = list[object]
Lists = dict[str, list[object]]


class Gathered:
    """The gatherings of one request. ``values`` are the lists that are there so far."""

    def __init__(self, plan: Plan, gather: Callable[[Gather], Awaitable[None]]) -> None:
        self._gathers = {found.gathering.name: found for found in plan.gathers}
        self._gather = gather
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.values: dict[tuple[str | int, ...], list[object]] = {}

    async def before(self, step: Step) -> None:
        """Wait for all that a step and what lies below it bind. Raises `Refusal` where one of them fails."""
        for name in sorted(_bound(steps_of((step,)))):
            await asyncio.shield(self._task(name))

    def _task(self, name: str) -> asyncio.Task[None]:
        if name not in self._tasks:
            task = self._tasks[name] = asyncio.ensure_future(self._one(self._gathers[name]))
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return self._tasks[name]

    async def _one(self, gather: Gather) -> None:
        await self.before(gather.fetch)
        await self._gather(gather)

    def close(self) -> None:
        """End what is still under way: nobody waits for it any more."""
        for task in self._tasks.values():
            task.cancel()


def _bound(steps: tuple[Step, ...]) -> set[str]:
    slots = [slot for step in steps if isinstance(step, Fetch) for slot in step.statement.params]
    return {str(slot.path[0]) for slot in slots if slot.origin == "gathered"}


def gathered_lists(gather: Gather, layouts: Mapping[str, Layout], rows: list[Row], request: Request) -> Lists:
    """The lists that the rows of a gathering give."""
    gathering, block = gather.gathering, gather.fetch.block
    layout = layouts[block.name]
    if gathering.kind == "links":
        return {"members": _members(gather, rows, layout.keys)}
    at = layout.children[gathering.child]
    if gathering.kind == "values":
        found = [(row[0], _first(row, at)) for row in rows]
        type_ = next(child for child in block.children if child.name == gathering.child).outputs[gathering.output].type
        values = [None if child is None else natural(child[gathering.output], type_) for _, child in found]
        return {"keys": [key for key, _ in found], "values": values}
    holds = _condition(gather, request)
    matching = [row for row in rows if (child := _first(row, at)) is not None and holds(child)]
    if gathering.identified:
        return {"members": [row[0] for row in matching]}
    return {"members": _members(gather, matching, layout.links[gathering.child])}


def _first(row: Row, at: int) -> Row | None:
    rows = row[at]
    return rows[0] if isinstance(rows, list) and rows else None


def _members(gather: Gather, rows: list[Row], places: Sequence[int]) -> list[object]:
    """The different link values: of one column as values, of several as their texts in one."""
    keys = [tuple(row[at] for at in places) for row in rows]
    whole = dict.fromkeys(key for key in keys if None not in key)
    if len(places) == 1:
        return [natural(key[0], gather.types[0]) for key in whole]
    return [SEPARATOR.join(_text(part) for part in key) for key in whole]


def _text(part: object) -> str:
    return str(part).lower() if isinstance(part, bool) else str(part)


def _condition(gather: Gather, request: Request) -> Callable[[Row], bool]:
    gathering = gather.gathering
    condition = gathering.condition
    if condition is None:
        return lambda child: True
    if not isinstance(condition, exp.Expression):
        raise TypeError(f"{type(condition).__name__} is no condition")
    child = next(child for child in gather.fetch.block.children if child.name == gathering.child)
    holds = evaluator(condition)
    binds = {name: _value(slot, request) for name, slot in _slots(condition, request)}
    types = {name: child.outputs[at].type for name, at in gathering.columns}
    places = dict(gathering.columns)

    def test(row: Row) -> bool:
        def look(name: str) -> object:
            room, _, key = name.partition(":")
            return natural(row[places[key]], types[key]) if room == "column" else binds[name]

        return holds(look) is True

    return test


def _value(slot: Slot, request: Request) -> object:
    value = request.value(slot)
    if slot.transform is not None:
        return prepare(slot, value)
    return tuple(value) if isinstance(value, list) else value


def _slots(condition: exp.Expression, request: Request) -> Iterator[tuple[str, Slot]]:
    for node in condition.find_all(exp.Placeholder):
        yield node.name, request.slots[node.name]
