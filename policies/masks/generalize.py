"""``mask: {generalize: ..}``: something true but coarser: ``ip: 24``, ``postcode: 3``, ``geo: 2``, ``map: {a: b}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.address import WIDTHS, Address
from policies.masks.mapping import map_values
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.round import Round, rounding
from policies.masks.terms import REDACTED, call, choose, longer, number, text, unless_null
from policies.rules import Mask, Preserved
from schema.types import Kind, Type

_LONGEST = 16


@dataclass(frozen=True, slots=True)
class Postcode:
    """The first characters. A text no longer than that is redacted: it would pass whole."""

    length: int
    hide_nulls: bool
    kind: str = "generalize"
    preserves: frozenset[Preserved] = frozenset({"prefix"})

    @property
    def spec(self) -> str:
        return f"the first {self.length} characters; shorter texts are redacted"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        shown = call("CH_LEFT", value, number(self.length))
        masked = choose(longer(value, self.length), shown, text(REDACTED))
        return masked if self.hide_nulls else unless_null(value, masked)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if not isinstance(value, str):
            return REDACTED if self.hide_nulls else None
        return value[: self.length] if len(value) > self.length else REDACTED


@mask("generalize")
def parse(wanted: Wanted) -> Mask:
    given = wanted.mapping("ip", "postcode", "geo", "map", "other")
    ways = [name for name in given if name != "other"]
    if len(ways) != 1 or ("other" in given and ways != ["map"]):
        raise MaskFault(
            "CH442",
            "The mask 'generalize' takes one of ip, postcode, geo, or map with other.",
            "{generalize: {postcode: 3}}",
        )
    return _WAYS[ways[0]](wanted, given)


def _ip(wanted: Wanted, given: Mapping[str, object]) -> Mask:
    wanted.only_for({Kind.STRING}, "Addresses are text.")
    bits = given["ip"]
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in WIDTHS:
        raise MaskFault("CH442", f"'ip' is 8, 16 or 24 bits, not {bits!r}.", "IPv6 addresses keep twice as many.")
    return Address(bits, wanted.hide_nulls)


def _postcode(wanted: Wanted, given: Mapping[str, object]) -> Mask:
    wanted.only_for({Kind.STRING}, "Postcodes are text.")
    return Postcode(wanted.whole(given["postcode"], "'postcode'", 1, _LONGEST), wanted.hide_nulls)


def _geo(wanted: Wanted, given: Mapping[str, object]) -> Round:
    wanted.only_for({Kind.FLOAT, Kind.DECIMAL}, "Coordinates are float or decimal.")
    wanted.keeps_nulls("no place stands for an unknown one")
    return rounding(wanted, wanted.whole(given["geo"], "'geo'", 0, 6), "generalize")


_WAYS = {"ip": _ip, "postcode": _postcode, "geo": _geo, "map": map_values}
