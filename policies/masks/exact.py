"""Exact decimals for masks of numbers, whatever the precision of Python's decimal context."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from schema.types import Kind, Type

RANGES = {Kind.INTEGER: (-(2**31), 2**31 - 1), Kind.BIGINT: (-(2**63), 2**63 - 1)}
_UNDECLARED = (38, 9)
"""A decimal without declared digits is brought to these, as `schema.sqltype` does."""


def digits_of(type_: Type) -> tuple[int, int]:
    """Precision and scale of a decimal; those of whole numbers have no scale."""
    if type_.kind is Kind.DECIMAL:
        return _UNDECLARED if type_.precision is None else (type_.precision, type_.scale or 0)
    return len(str(RANGES[type_.kind][1])), 0


def limits(type_: Type) -> tuple[Decimal, Decimal]:
    """The least and the greatest value of an integer, bigint or decimal type."""
    if type_.kind in RANGES:
        low, high = RANGES[type_.kind]
        return Decimal(low), Decimal(high)
    precision, scale = digits_of(type_)
    greatest = decimal(10**precision - 1, scale)
    return greatest.copy_negate(), greatest


def decimal(units: int, scale: int) -> Decimal:
    """``units * 10**-scale``, exactly."""
    return Decimal((int(units < 0), tuple(int(digit) for digit in str(abs(units))), -scale))


def rational(value: object, type_: Type) -> Fraction | None:
    """A number of an integer, bigint or decimal column; None where it is none, not finite, or outside the type."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    low, high = limits(type_)
    return Fraction(value) if low <= value <= high else None


def natural(value: Fraction, type_: Type) -> int | Decimal | None:
    """Back to the column's Python type; None outside the type's range."""
    low, high = limits(type_)
    scale = digits_of(type_)[1]
    units = value * 10**scale
    if units.denominator != 1 or not low <= decimal(units.numerator, scale) <= high:
        return None
    return decimal(units.numerator, scale) if type_.kind is Kind.DECIMAL else units.numerator
