"""``mask: {generalize: {map: {UA: major, MQ: regional}, other: other}}``: values grouped by a table.

A value that is not in the table becomes ``other``, or NULL where ``other`` is not given: never the value itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.literal import literal, read
from policies.masks.registry import MaskFault, Wanted
from policies.masks.terms import unless_null
from policies.rules import Preserved
from schema.trees import copied
from schema.types import Kind, Type

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Map:
    entries: tuple[tuple[object, object], ...]
    other: object
    hide_nulls: bool
    kind: str = "generalize"
    preserves: frozenset[Preserved] = frozenset()

    @property
    def spec(self) -> str:
        return f"grouped by a table of {len(self.entries)} values"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        ifs = [
            exp.If(this=exp.EQ(this=copied(value), expression=literal(before, type_)), true=literal(after, type_))
            for before, after in self.entries
        ]
        other = exp.Null() if self.other is None else literal(self.other, type_)
        masked = exp.Case(ifs=ifs, default=other)
        return masked if self.hide_nulls else unless_null(value, masked)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if value is None and not self.hide_nulls:
            return None
        for before, after in self.entries:
            if type(before) is type(value) and before == value:
                return after
        return self.other


def map_values(wanted: Wanted, given: Mapping[str, object]) -> Map:
    """Read the table. Raises `MaskFault` CH441, CH442."""
    wanted.only_for({Kind.STRING, Kind.INTEGER, Kind.BIGINT}, "Tables are for text and whole numbers.")
    table = given["map"]
    if not isinstance(table, Mapping) or not 1 <= len(table) <= _MOST:
        raise MaskFault(
            "CH442", f"'map' is a table of 1 to {_MOST} values.", "{map: {UA: major, MQ: regional}, other: other}"
        )
    entries = tuple(
        (read(before, wanted.type, "A value of 'map'"), read(after, wanted.type, "A value of 'map'"))
        for before, after in table.items()
    )
    other = given.get("other")
    return Map(entries, None if other is None else read(other, wanted.type, "'other'"), wanted.hide_nulls)
