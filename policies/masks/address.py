"""``mask: {generalize: {ip: 24}}``: the network of an address, ``203.0.113.0``; of IPv6 twice the bits,
``2001:db8:85a3::``.

Groups of IPv6 lose leading zeros and are lower case, so one network is spelt one way. Where ``::`` stands inside the
shown part, the address is cut there, which tells less. What is no plain IPv4 or IPv6 address becomes ``[redacted]``,
also IPv4 inside IPv6 and addresses with a scope or a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.pattern import Pattern, pattern
from policies.masks.terms import REDACTED, call, choose, fully, join, number, text, unless_null
from policies.rules import Preserved
from schema.types import Type

WIDTHS = (8, 16, 24)
_BYTE = "(0|1[0-9]{0,2}|2([0-4][0-9]?|5[0-5]?|[6-9])?|[3-9][0-9]?)"
_HEX = "[0-9A-Fa-f]{1,4}"
_V4 = pattern(rf"^{_BYTE}(\.{_BYTE}){{3}}$")
_V6_WHOLE = pattern(rf"^{_HEX}(:{_HEX}){{7}}$")
_LEADING_ZEROS = pattern("^0+")


def _cut(groups: int) -> Pattern:
    """An address with ``groups`` groups before its ``::``."""
    before = "" if groups == 0 else _HEX if groups == 1 else f"{_HEX}(:{_HEX}){{{groups - 1}}}"
    most = 7 - groups
    after = "" if most == 0 else f"({_HEX})?" if most == 1 else f"({_HEX}(:{_HEX}){{0,{most - 1}}})?"
    return pattern(f"^{before}::{after}$")


_V6_CUT = tuple(_cut(groups) for groups in range(8))


@dataclass(frozen=True, slots=True)
class Address:
    bits: int
    hide_nulls: bool
    kind: str = "generalize"
    preserves: frozenset[Preserved] = frozenset({"prefix"})

    @property
    def _shown(self) -> int:
        return self.bits // 8

    @property
    def spec(self) -> str:
        return f"the network of the address: {self.bits} bits, {2 * self.bits} of IPv6; the rest redacted"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        case = exp.Case(default=text(REDACTED))
        for test, shown in self._branches(value):
            case.append("ifs", exp.If(this=test, true=shown))
        return case if self.hide_nulls else unless_null(value, case)

    def _branches(self, value: exp.Expression) -> list[tuple[exp.Expression, exp.Expression]]:
        octets = [call("CH_SPLIT_PART", value, text("."), number(at + 1)) for at in range(self._shown)]
        v4 = [part for octet in octets for part in (octet, text("."))]
        branches = [(fully(value, _V4), join(*v4, text(".".join(["0"] * (4 - self._shown)))))]
        for groups, shape in enumerate(_V6_CUT):
            branches.append((fully(value, shape), self._network(value, min(groups, self._shown))))
        branches.append((fully(value, _V6_WHOLE), self._network(value, self._shown)))
        return branches

    def _network(self, value: exp.Expression, groups: int) -> exp.Expression:
        parts = [part for at in range(groups) for part in (_group(value, at + 1), text(":"))]
        return join(*parts[:-1], text("::")) if parts else text("::")

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if not isinstance(value, str):
            return REDACTED if self.hide_nulls else None
        if _V4.compiled.fullmatch(value):
            return ".".join(value.split(".")[: self._shown] + ["0"] * (4 - self._shown))
        for groups, shape in (*enumerate(_V6_CUT), (8, _V6_WHOLE)):
            if shape.compiled.fullmatch(value):
                shown = value.split(":")[: min(groups, self._shown)]
                return ":".join(group.lower().lstrip("0") or "0" for group in shown) + "::"
        return REDACTED


def _group(value: exp.Expression, at: int) -> exp.Expression:
    bare = call(
        "CH_REGEX_REPLACE",
        exp.Lower(this=call("CH_SPLIT_PART", value, text(":"), number(at))),
        text(_LEADING_ZEROS.text),
        text(""),
    )
    return choose(exp.EQ(this=call("CH_LENGTH", bare), expression=number(0)), text("0"), bare)
