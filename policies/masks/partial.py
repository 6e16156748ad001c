"""``mask: {partial: {first: 0, last: 4, fill: "*"}}``: the ends of a text, ``****1234``.

The fill is always four characters, so that the length is not told. A text no longer than its shown ends is filled
whole. A character is a Unicode code point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import call, choose, join, longer, number, text, unless_null
from policies.rules import Preserved
from schema.types import Kind, Type

_LONGEST_END = 64


@dataclass(frozen=True, slots=True)
class Partial:
    first: int
    last: int
    fill: str
    hide_nulls: bool
    kind: str = "partial"

    @property
    def spec(self) -> str:
        ends = [f"the {name} {count}" for name, count in (("first", self.first), ("last", self.last)) if count]
        return f"{' and '.join(ends)} characters, the rest '{self.fill}'; short texts not at all"

    @property
    def preserves(self) -> frozenset[Preserved]:
        return frozenset({"prefix"}) if self.first else frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        parts = [text(self.fill)]
        if self.first:
            parts.insert(0, call("CH_LEFT", value, number(self.first)))
        if self.last:
            parts.append(call("CH_RIGHT", value, number(self.last)))
        masked = choose(longer(value, self.first + self.last), join(*parts), text(self.fill))
        return masked if self.hide_nulls else unless_null(value, masked)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if not isinstance(value, str):
            return self.fill if self.hide_nulls else None
        if len(value) <= self.first + self.last:
            return self.fill
        return value[: self.first] + self.fill + value[len(value) - self.last :]


@mask("partial")
def parse(wanted: Wanted) -> Partial:
    wanted.only_for({Kind.STRING}, "Ends can only be shown of text; use bucket, round, date or hash.")
    given = wanted.mapping("first", "last", "fill")
    first = wanted.whole(given.get("first", 0), "'first'", 0, _LONGEST_END)
    last = wanted.whole(given.get("last", 0), "'last'", 0, _LONGEST_END)
    fill = given.get("fill", "*")
    if not isinstance(fill, str) or len(fill) != 1 or fill == "\0":
        raise MaskFault("CH442", f"'fill' is one character, not {fill!r}.")
    if first + last == 0:
        raise MaskFault("CH442", "The mask 'partial' shows nothing.", "Say how many characters: first, last or both.")
    return Partial(first, last, fill * 4, wanted.hide_nulls)
