"""A masked cell is NULL and its bytes are not in the answer: engines leave values under NULL in Arrow's buffers.

Security: the reader of an Arrow answer gets whole buffers. What a mask or guard made NULL must not lie in them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from resolvers.formats.choose import Format
from resolvers.formats.hidden import scrubbed
from tests.formats.asking import FORMATS, asked, body

CANARY = b"CANARY7f"  # as a number it is eight bytes
NUMBER = int.from_bytes(CANARY, "little")


def under(array: pa.Array, mask: Sequence[bool]) -> pa.Array:
    """The array with NULLs set over its values, as engines do."""
    valid = pa.array([not hidden for hidden in mask])
    buffers = [valid.buffers()[1], *array.buffers()[1 : array.type.num_buffers]]
    if array.type.num_fields:
        inner = [array.field(at) for at in range(array.type.num_fields)] if pa.types.is_struct(array.type) else None
        return pa.Array.from_buffers(array.type, len(array), buffers, children=inner or [array.values])
    return pa.Array.from_buffers(array.type, len(array), buffers)


NUMBERS = pa.array([NUMBER, 1, NUMBER])
MASK = [True, False, True]
TEXTS = pa.array([CANARY.decode(), "a", CANARY.decode()])
WIDE = pa.py_buffer(CANARY * 2 + b"\1" + b"\0" * 15 + CANARY * 2)
HIDDEN = {
    "bigint": under(NUMBERS, MASK),
    "float": under(NUMBERS.view(pa.float64()), MASK),
    "timestamp": under(NUMBERS.view(pa.timestamp("us", "UTC")), MASK),
    "datetime": under(NUMBERS.view(pa.timestamp("us")), MASK),
    "time": under(NUMBERS.view(pa.time64("us")), MASK),
    "integer": under(pa.array(np.frombuffer(CANARY * 3, np.int32)), [True] * 6),
    "date": under(pa.array(np.frombuffer(CANARY * 3, np.int32)).view(pa.date32()), [True] * 6),
    "decimal": under(pa.Array.from_buffers(pa.decimal128(38, 2), 3, [None, WIDE]), MASK),
    "interval": under(pa.Array.from_buffers(pa.month_day_nano_interval(), 3, [None, WIDE]), MASK),
    "string": under(TEXTS, MASK),
    "bytes": under(TEXTS.cast(pa.binary()), MASK),
    "array": under(pa.array([[NUMBER], [1], [NUMBER, NUMBER]]), MASK),
    "array's items": pa.ListArray.from_arrays([0, 1, 3], under(TEXTS, MASK)),
    "struct": under(pa.StructArray.from_arrays([NUMBERS, TEXTS], ["a", "b"]), MASK),
    "struct's fields": pa.StructArray.from_arrays([under(NUMBERS, MASK)], ["a"]),
    "array of structs": under(
        pa.ListArray.from_arrays([0, 1, 2, 3], pa.StructArray.from_arrays([TEXTS, under(NUMBERS, MASK)], ["a", "b"])),
        MASK,
    ),
}


def bytes_of(array: pa.Array) -> bytes:
    return pa.record_batch([array], ["v"]).serialize().to_pybytes()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", HIDDEN)
def test_the_canary_is_there_to_be_found(kind: str) -> None:
    assert CANARY in bytes_of(HIDDEN[kind])


@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize("start", [0, 1])
def test_scrubbed(kind: str, start: int) -> None:
    given = HIDDEN[kind].slice(start)
    clean = scrubbed(given)
    clean.validate(full=True)
    assert clean.type == given.type
    assert clean.to_pylist() == given.to_pylist()
    assert CANARY not in bytes_of(clean)


@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize("format_", FORMATS)
async def test_no_format_sends_what_is_under_null(kind: str, format_: Format) -> None:
    written = await body(pa.table({"v": HIDDEN[kind]}), format_)
    assert CANARY not in written
    assert str(NUMBER).encode() not in written


def test_booleans() -> None:
    clean = scrubbed(under(pa.array([True, True, True]), MASK))
    assert clean.to_pylist() == [None, True, None]
    assert clean.buffers()[1].to_pybytes()[0] & 0b111 == 0b010


async def test_an_engine_that_leaves_values_under_null() -> None:
    """Not made up: DuckDB's NULLIF keeps what it compared."""
    table = asked(
        f"SELECT nullif(secret, {NUMBER}) AS v FROM (SELECT {NUMBER} + (i - i) AS secret FROM range(5000) r(i))"
    )
    assert table["v"].null_count == len(table) == 5000
    assert any(CANARY in bytes_of(chunk) for chunk in table["v"].chunks)  # else the engine has learnt better
    assert CANARY not in await body(table, "arrow")
