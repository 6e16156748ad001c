"""``mask: {round: 2}``: that many digits after the point, halves away from zero. ``round: -2`` gives hundreds.

A number that rounds to one outside the column's type becomes NULL; so do NaN, infinities and floats so large that a
float has no digits left there. Floats are computed in doubles: sign * floor(|x| * 10^d + 0.5) / 10^d.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from policies.masks.exact import decimal, digits_of, limits, natural, rational
from policies.masks.literal import literal
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import below, both, call, choose, floor, number, over, plus, times
from policies.rules import Preserved
from schema.trees import copied
from schema.types import FLOAT, NUMERIC, Kind, Type

_COARSEST, _FINEST = -15, 12
_GRAIN = 2.0**52


@dataclass(frozen=True, slots=True)
class Round:
    digits: int
    kind: str = "round"
    preserves: frozenset[Preserved] = frozenset({"order"})

    @property
    def spec(self) -> str:
        return (
            f"rounded to {self.digits} digits after the point" if self.digits >= 0 else f"rounded to {10**-self.digits}"
        )

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind is Kind.FLOAT:
            edge, rounded = literal(self._edge(), FLOAT), self._float_sql(value)
        else:
            edge, rounded = number(self._exact_edge(type_)), self._exact_sql(value, type_)
        inside = both(below(value, edge), exp.GT(this=copied(value), expression=exp.Neg(this=copied(edge))))
        return choose(inside, rounded, exp.Null())

    def _exact_sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if self.digits >= 0 or type_.kind is not Kind.DECIMAL:
            return call("CH_ROUND_TO", value, number(self.digits))
        # Cut to whole numbers first, which changes no tens: no engine can then round twice, 149.6 to 150 to 200.
        up = call("CH_ROUND_TO", call("CH_FLOOR_TO", value, number(1)), number(self.digits))
        size = exp.Neg(this=exp.Paren(this=copied(value)))
        down = call("CH_ROUND_TO", call("CH_FLOOR_TO", size, number(1)), number(self.digits))
        return choose(below(value, number(0)), exp.Neg(this=down), up)

    def _float_sql(self, value: exp.Expression) -> exp.Expression:
        negative = exp.Neg(this=exp.Paren(this=copied(value)))
        away = choose(
            below(value, number(0)), exp.Neg(this=exp.Paren(this=self._up(negative))), self._up(copied(value))
        )
        return plus(away, literal(0.0, FLOAT))  # -0 becomes 0

    def _up(self, size: exp.Expression) -> exp.Expression:
        power, half = literal(10.0 ** abs(self.digits), FLOAT), literal(self._half(), FLOAT)
        if self.digits < 0:
            return times(floor(over(plus(size, half), power)), power)
        return over(floor(plus(times(size, power), half)), power)

    def _half(self) -> float:
        """Added before a division, never after: near zero some engines raise an underflow."""
        return 10.0**-self.digits / 2 if self.digits < 0 else 0.5

    def _edge(self) -> float:
        return _GRAIN * 10.0**-self.digits if self.digits < 0 else _GRAIN / 10.0**self.digits

    def _exact_edge(self, type_: Type) -> str:
        """The first number above zero that rounds out of the type."""
        step = Fraction(10) ** -self.digits
        edge = math.floor(Fraction(limits(type_)[1]) / step) * step + step / 2
        places = max(0, self.digits + 1)
        return f"{decimal((edge * 10**places).numerator, places):f}"

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if type_.kind is Kind.FLOAT:
            return self._rounded(value)
        given = rational(value, type_)
        if given is None:
            return None
        step = Fraction(10) ** -self.digits
        away = math.floor(abs(given) / step + Fraction(1, 2)) * step
        return natural(-away if given < 0 else away, type_)

    def _rounded(self, value: object) -> float | None:
        edge = self._edge()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -edge < value < edge:
            return None
        power = 10.0 ** abs(self.digits)
        size = abs(value)
        if self.digits < 0:
            away = math.floor((size + self._half()) / power) * power
        else:
            away = math.floor(size * power + self._half()) / power
        return (-away if value < 0 else away) + 0.0


def rounding(wanted: Wanted, digits: object, kind: str) -> Round:
    """Rounding that hides something of the column's type. Raises `MaskFault` CH442."""
    count = wanted.whole(digits, "The number of digits", _COARSEST, _FINEST)
    if wanted.type.kind is not Kind.FLOAT:
        precision, scale = digits_of(wanted.type)
        if count >= scale:
            hint = (
                "Fewer digits; -2 rounds to hundreds." if scale == 0 else f"At most {scale - 1}; -2 rounds to hundreds."
            )
            raise MaskFault("CH442", f"Rounding to {count} digits hides nothing of a {wanted.type}.", hint)
        if -count > precision - scale:
            raise MaskFault("CH442", f"Rounding to {10**-count} leaves nothing of a {wanted.type}.", "Use default.")
    return Round(count, kind)


@mask("round")
def parse(wanted: Wanted) -> Round:
    wanted.only_for(NUMERIC, "Rounding is for numbers; use date for days and times.")
    wanted.keeps_nulls("no number stands for an unknown one")
    return rounding(wanted, wanted.arguments, "round")
