"""Bind: the value of each slot for one request, in the natural Python type of the slot's type.

Values come from the caller's variables and papers, the moment, the zone's keys, or sealed texts. Nothing here reaches a
statement's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from resolvers.natural import natural
from resolvers.seal import Sealer
from schema.caller import Caller
from schema.errors import Refusal
from schema.query import Limit, Slot


class Request(NamedTuple):
    """Everything a slot may ask for. ``keys`` are the zone's mask keys by name, ``slots`` the query's."""

    caller: Caller
    slots: Mapping[str, Slot]
    variables: Mapping[str, object]
    sealer: Sealer
    keys: Mapping[str, bytes]
    minute: int
    region: str | None = None
    entitlements: Mapping[str, tuple[object, ...]] = MappingProxyType({})
    gathered: Mapping[tuple[str | int, ...], list[object]] = MappingProxyType({})

    def value(self, slot: Slot) -> object:
        """The slot's value. Raises `Refusal` CH110 for a cursor that is not valid here."""
        match slot.origin:
            case "constant":
                return slot.value
            case "variable":
                return reach(self.variables, slot.path)
            case "list":
                return [self.value(inner) for inner in slot.value]  # type: ignore[attr-defined]
            case "gathered":
                return self.gathered[slot.path]
            case "cursor" | "node":
                text = slot.value if slot.value is not None else reach(self.variables, slot.path)
                values = self.sealer.open(slot.origin, str(text), slot.seal)
                value = values[slot.index]
                return None if value is None else natural(value, slot.type)
            case "claim":
                return self.caller.claims[str(slot.path[0])]
            case "request":
                return self._request(str(slot.path[0]))
            case "secret":
                return self.keys[str(slot.path[0])]
            case "entitlement":
                return list(self.entitlements[str(slot.path[0])])
            case "keys":
                raise ValueError(f"{slot.name} is bound by the runner")

    def _request(self, name: str) -> object:
        if name == "time":
            return datetime.fromtimestamp(self.minute * 60, UTC)
        return {"zone": self.caller.zone, "purpose": self.caller.purpose, "region": self.region}[name]


def reach(values: object, path: tuple[str | int, ...]) -> object:
    """Follow a path of keys and positions; an absent step gives None."""
    for at, step in enumerate(path):
        if step == "*":
            return [reach(item, path[at + 1 :]) for item in values] if isinstance(values, (list, tuple)) else []
        if isinstance(values, Mapping):
            values = values.get(step)
        elif isinstance(values, (list, tuple)) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            return None
    return values


def check_limits(limits: tuple[Limit, ...], request: Request) -> None:
    """Raise `Refusal` CH603 for a page size outside its bounds."""
    for limit in limits:
        value = request.value(request.slots[limit.slot])
        value = len(value) if isinstance(value, list) else value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit.most:
            raise Refusal(
                "CH603",
                f"A page holds 0 to {limit.most} rows.",
                "Ask for less and follow pageInfo.endCursor with 'after'.",
            )
