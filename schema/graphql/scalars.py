"""The scalars of the generated API: what a caller may write for a value, strictly (docs/graphql.md, "Values").

Each takes JSON or a GraphQL literal to one Python value (int, Decimal, date, aware datetime ..) and says in a short
sentence what it expected. No message repeats what the caller wrote.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from schema.types import Kind

LONGEST = 1024
"""Characters of a number as text: more is not a number anybody stores."""

_BIGINT = range(-(2**63), 2**63)
_SAFE = range(-(2**53) + 1, 2**53)
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,1000}(\.\d{1,1000})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d{1,6})?", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?", re.ASCII)
_ZONE = re.compile(r"(?P<at>.+?)(?P<zone>Z|[+-]\d{2}:\d{2})", re.ASCII)
_DURATION = re.compile(
    r"-?P(?=.)(-?\d{1,9}Y)?(-?\d{1,9}M)?(-?\d{1,9}D)?(T(?=.)(-?\d{1,9}H)?(-?\d{1,9}M)?(-?\d{1,9}(\.\d{1,6})?S)?)?",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Parse = Callable[[object], object]


def _refuse(expected: str) -> GraphQLError:
    return GraphQLError(f"expected {expected}")


def _bigint(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value in _BIGINT:
        return value
    raise _refuse("a whole number of 64 bits, as a string of digits or a number")


def _long(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in _SAFE:
        return value
    raise _refuse("a whole number below 2^53")


def _fraction(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise _refuse("a number from 0 to 1")


def _decimal(value: object) -> decimal.Decimal:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return decimal.Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return decimal.Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return decimal.Decimal(repr(value))
    raise _refuse('a decimal number in plain notation, such as "12.50"')


def _date(value: object) -> dt.date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise _refuse('a date such as "2013-01-31"')


def _time(value: object) -> dt.time:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return dt.time.fromisoformat(value)
        except ValueError:
            pass
    raise _refuse('a time of day such as "23:59:59"')


def _datetime(value: object) -> dt.datetime:
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise _refuse('a date and time without a zone, such as "2013-01-31T23:59:59"')


def _timestamp(value: object) -> dt.datetime:
    if isinstance(value, str) and (match := _ZONE.fullmatch(value)) and _DATETIME.fullmatch(match["at"]):
        try:
            return dt.datetime.fromisoformat(value).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            pass
    raise _refuse('an instant with a zone, such as "2013-01-31T23:59:59Z"')


def _duration(value: object) -> str:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return value
    raise _refuse('an ISO 8601 duration such as "P1DT2H"')


def _uuid(value: object) -> str:
    if isinstance(value, str) and _UUID.fullmatch(value):
        return str(uuid.UUID(value))
    raise _refuse('a UUID such as "6f1c3e2a-0d7b-4a51-9e55-2f6d9f8f0c11"')


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise _refuse("bytes in base64")


def _json(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar: its GraphQL name, a marker class strawberry knows it by, how it reads a value, and its description."""

    name: str
    marker: type
    parse: Parse
    description: str

    def literal(self, node: ValueNode, _variables: Mapping[str, object] | None = None) -> object:
        """Read a GraphQL literal. Numbers are taken digit by digit, never through a binary float."""
        if isinstance(node, IntValueNode | FloatValueNode) and len(node.value) > LONGEST:
            raise _refuse("a shorter number")
        if self.name == "Decimal" and isinstance(node, FloatValueNode):
            return self.parse(plain(node.value))
        if self.name != "JSON" and not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
            return self.parse(None)
        return self.parse(value_from_ast_untyped(node))


def plain(text: str) -> str:
    """A number as written (``1.5e3``) in plain notation (``1500``); absurd exponents stay as they are."""
    number = decimal.Decimal(text)
    return format(number, "f") if abs(number.adjusted()) < LONGEST else text


def _scalar(name: str, parse: Parse, description: str) -> Scalar:
    return Scalar(name, type(name, (), {}), parse, description)


SCALARS: Mapping[str, Scalar] = {
    scalar.name: scalar
    for scalar in (
        _scalar("BigInt", _bigint, "A whole number of 64 bits: a string of digits, so that no client rounds it."),
        _scalar("Decimal", _decimal, "A decimal number: a string in plain notation, never rounded."),
        _scalar("Long", _long, "A count: a whole JSON number, also above 32 bits."),
        _scalar("Fraction", _fraction, "A number from 0 to 1."),
        _scalar("Date", _date, "A day: `2013-01-31`."),
        _scalar("Time", _time, "A time of day: `23:59:59`, with up to six decimals."),
        _scalar("DateTime", _datetime, "A date and time without a zone: `2013-01-31T23:59:59`."),
        _scalar("Timestamp", _timestamp, "An instant: `2013-01-31T23:59:59Z`. Any offset is read; UTC is written."),
        _scalar("Duration", _duration, "An ISO 8601 duration: `P1DT2H`."),
        _scalar("UUID", _uuid, "A UUID, written in lower case."),
        _scalar("JSON", _json, "Any JSON value."),
        _scalar("Base64", _bytes, "Bytes in base64, standard alphabet."),
    )
}

NAMES: Mapping[Kind, str] = {
    Kind.BOOLEAN: "Boolean",
    Kind.INTEGER: "Int",
    Kind.BIGINT: "BigInt",
    Kind.DECIMAL: "Decimal",
    Kind.FLOAT: "Float",
    Kind.STRING: "String",
    Kind.DATE: "Date",
    Kind.TIME: "Time",
    Kind.DATETIME: "DateTime",
    Kind.TIMESTAMP: "Timestamp",
    Kind.INTERVAL: "Duration",
    Kind.UUID: "UUID",
    Kind.JSON: "JSON",
    Kind.BYTES: "Base64",
}
"""The GraphQL scalar of each kind that is neither an array nor a struct."""


def definitions() -> dict[object, ScalarDefinition]:
    """The scalars as strawberry wants them: by marker class."""
    return {
        scalar.marker: strawberry.scalar(
            name=scalar.name,
            description=scalar.description,
            serialize=_json,
            parse_value=scalar.parse,
            parse_literal=scalar.literal,
        )
        for scalar in SCALARS.values()
    }
