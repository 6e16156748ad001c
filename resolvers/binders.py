"""Binders: the values of a statement's parameters for one request, by functions that are chosen once per plan.

What is the same for every request (constants, the zone's keys) is prepared once; the rest is looked up and prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from resolvers.backends.binding import prepare
from resolvers.backends.dialect import Statement
from resolvers.bind import Request
from schema.errors import Refusal
from schema.query import Slot

Keys = Mapping[str, list[object]]
"""The link values of parent rows, by slot."""
Bind = Callable[[Request, Keys], list[object]]
"""Raises `Refusal` CH110 for a cursor that is not valid here, CH504 where a value does not fit its slot."""
_Get = Callable[[Request, Keys], object]


def binder(statement: Statement, secrets: Mapping[str, bytes]) -> Bind:
    """The binder of a statement. ``secrets`` are the zone's keys."""
    gets = [_getter(slot, secrets) for slot in statement.params]
    return lambda request, keys: [get(request, keys) for get in gets]


def _getter(slot: Slot, secrets: Mapping[str, bytes]) -> _Get:
    if slot.origin == "constant":
        return _fixed(slot, slot.value)
    if slot.origin == "secret":
        return _fixed(slot, secrets[str(slot.path[0])])
    if slot.origin == "keys":
        return lambda request, keys: prepare(slot, keys[slot.name])
    if slot.origin == "variable" and len(slot.path) == 1:
        name = str(slot.path[0])
        return lambda request, keys: prepare(slot, request.variables.get(name))
    if slot.origin == "claim":
        claim = str(slot.path[0])
        return lambda request, keys: prepare(slot, request.caller.claims[claim])
    return lambda request, keys: prepare(slot, request.value(slot))


def _fixed(slot: Slot, value: object) -> _Get:
    try:
        prepared = prepare(slot, value)
    except Refusal:
        return lambda request, keys: prepare(slot, value)  # refused at each request, as any other value would be
    return lambda request, keys: list(prepared) if isinstance(prepared, list) else prepared
