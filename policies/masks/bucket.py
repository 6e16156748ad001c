"""``mask: {bucket: 100}``: the start of the bucket a number falls into, so 250 and 299 are both 200, and -1 is -100.

A number whose bucket starts outside the column's type becomes NULL; so do NaN, infinities and floats so large that a
float has no grain as fine as the bucket.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from policies.masks.exact import digits_of, limits, natural, rational
from policies.masks.literal import literal
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import at_least, below, both, call, choose, floor, number, over, times
from policies.rules import Preserved
from schema.trees import copied
from schema.types import FLOAT, NUMERIC, Kind, Type

_FINEST, _WIDEST = Decimal("1e-9"), Decimal("1e15")
_GRAIN = 2.0**53


@dataclass(frozen=True, slots=True)
class Bucket:
    width: Decimal
    kind: str = "bucket"
    preserves: frozenset[Preserved] = frozenset({"order"})

    @property
    def spec(self) -> str:
        return f"the start of its bucket of {self.width:f}"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind is Kind.FLOAT:
            return self._float_sql(value)
        floored = call("CH_FLOOR_TO", value, number(format(self.width, "f")))
        return choose(self._fits(value, type_), floored, exp.Null())

    def _float_sql(self, value: exp.Expression) -> exp.Expression:
        """Without a division near zero, where some engines raise an underflow."""
        zero, width, below_zero, edge, low_edge = (
            literal(bound, FLOAT) for bound in (0.0, self._step, -self._step, self._edge, -self._edge)
        )
        case = exp.Case(default=exp.Null())
        for low, high, start in (
            (zero, width, zero),
            (below_zero, zero, below_zero),
            (low_edge, edge, times(floor(over(value, width)), width)),
        ):
            inside = both(at_least(value, low), below(value, high))
            case.append("ifs", exp.If(this=inside, true=copied(start)))
        return case

    @property
    def _step(self) -> float:
        return float(self.width)

    @property
    def _edge(self) -> float:
        return self._step * _GRAIN

    def _fits(self, value: exp.Expression, type_: Type) -> exp.Expression:
        low, high = limits(type_)
        step = Fraction(self.width)
        lowest = natural(math.ceil(Fraction(low) / step) * step, type_)
        above = at_least(value, number(f"{lowest:f}" if isinstance(lowest, Decimal) else str(lowest)))
        if type_.kind is Kind.DECIMAL and type_.precision is None:
            return both(above, exp.LTE(this=copied(value), expression=number(f"{high:f}")))
        return above

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if type_.kind is Kind.FLOAT:
            return self._floored(value)
        given = rational(value, type_)
        if given is None:
            return None
        step = Fraction(self.width)
        return natural(math.floor(given / step) * step, type_)

    def _floored(self, value: object) -> float | None:
        edge, step = self._edge, self._step
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -edge <= value < edge:
            return None
        return math.floor(value / step) * step


@mask("bucket")
def parse(wanted: Wanted) -> Bucket:
    wanted.only_for(NUMERIC, "Buckets are for numbers; use date for days and times.")
    wanted.keeps_nulls("no bucket stands for an unknown number")
    given = wanted.arguments
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given < 10**38:
        raise MaskFault("CH442", f"The width of a bucket is a number above 0, not {given!r}.", "mask: {bucket: 100}")
    width = Decimal(str(given))
    if wanted.type.kind is Kind.FLOAT:
        if not _FINEST <= width <= _WIDEST:
            raise MaskFault("CH442", f"The width of a bucket of floats is from {_FINEST} to {_WIDEST}, not {given!r}.")
        return Bucket(width)
    _, scale = digits_of(wanted.type)
    if Fraction(width) * 10**scale % 1 or width > limits(wanted.type)[1]:
        raise MaskFault(
            "CH442", f"A bucket of {given!r} does not fit a {wanted.type}.", "Its starts must be values of it."
        )
    if Fraction(width) * 10**scale == 1:
        raise MaskFault("CH442", f"A bucket of {given!r} hides nothing of a {wanted.type}.", "Choose a wider one.")
    return Bucket(width)
