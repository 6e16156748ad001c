"""Text: a column of Arrow values as a column of the texts they are sent as (schema.types), NULL staying NULL.

Each kind is a cast or a few kernels of Arrow over the whole column; Python touches single values only of intervals,
bytes, JSON, and decimals with an exponent. Arrays and structs are not here: they are JSON (`json_value`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from resolvers.backends.failures import failed
from resolvers.formats.moments import clocks, days, intervals, moments
from schema.types import Kind, Type


def text(array: pa.Array, type_: Type) -> pa.Array:
    """The values as strings. Raises `Refusal` CH502 for a declared JSON that is none."""
    write = _WRITE.get(type_.kind)
    return _plain(array) if write is None or pa.types.is_null(array.type) else write(array)


def each(array: pa.Array, write: Callable[[object], str | None]) -> pa.Array:
    """One value after another: for kinds that Arrow has no kernel for."""
    return _strings(None if value is None else write(value) for value in array.to_pylist())


def _strings(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _float(array: pa.Array) -> pa.Array:
    """Shortest form, with a point or an exponent so that 15.0 is not read back as an integer."""
    array = array.cast(pa.float64())
    array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))
    plain = array.cast(pa.string())
    marked = pc.or_(pc.match_substring(plain, "."), pc.match_substring(plain, "e"))
    if pc.all(marked).as_py() is not False:  # nothing but NULL has no marks either
        return plain
    return pc.if_else(marked, plain, pc.binary_join_element_wise(plain, pa.scalar(".0"), ""))


def _decimal(array: pa.Array) -> pa.Array:
    plain = array.cast(pa.string())
    if pa.types.is_decimal(array.type) and 0 <= array.type.scale <= 6:
        return plain  # Arrow writes an exponent from 1E-7 on
    if pa.types.is_decimal(array.type) and not pc.any(pc.match_substring(plain, "E")).as_py():
        return plain
    return each(plain, _written_out)


def _written_out(value: object) -> str | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return f"{number:f}" if number.is_finite() else None


def _uuid(array: pa.Array) -> pa.Array:
    return pc.ascii_lower(array.cast(pa.string()))


def _bytes(array: pa.Array) -> pa.Array:
    return each(array, lambda value: base64.b64encode(value).decode())  # type: ignore[arg-type]  # bytes, by its type


def _json(array: pa.Array) -> pa.Array:
    return each(array.cast(pa.string()), _one_line)


def _one_line(value: object) -> str:
    """Valid JSON as it was written, on one line: a line break can only stand between its parts."""
    written = str(value)
    try:
        orjson.loads(written)
    except orjson.JSONDecodeError:
        _strictly(written)
    return written.replace("\n", " ").replace("\r", " ")


def _strictly(written: str) -> None:
    """What one reader refuses and the other takes: half of a surrogate pair, great numbers. Never NaN."""
    try:
        json.loads(written, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise failed("of this answer", error) from None


def _refuse_constant(name: str) -> object:
    raise ValueError("not a number of JSON")


_WRITE: Mapping[Kind, Callable[[pa.Array], pa.Array]] = {
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.DATE: days,
    Kind.TIME: clocks,
    Kind.DATETIME: moments,
    Kind.TIMESTAMP: lambda array: pc.binary_join_element_wise(moments(array), pa.scalar("Z"), ""),
    Kind.INTERVAL: intervals,
    Kind.UUID: _uuid,
    Kind.JSON: _json,
    Kind.BYTES: _bytes,
}
