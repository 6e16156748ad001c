"""The Arrow types of a stream, whatever the engine's driver made: few, so that those who write them out know them all.

| engine | here |
|---|---|
| booleans | bool |
| integers up to 32 bits, signed; up to 64 bits | int32; int64 (unsigned 64 bits: decimal128(20, 0)) |
| floats | float64 |
| decimals with a declared size up to 38 digits; DuckDB's HUGEINT | decimal128(p, s); decimal128(38, 0) |
| PostgreSQL's numeric without a size (sums and averages have none), or inside a list or struct | string, exact |
| text, enums, JSON, UUIDs in small letters; columns of nothing but NULL | string |
| bytes, dates, times, intervals | binary, date32, time64[us], month_day_nano |
| date and time without and with a zone | timestamp[us], timestamp[us, UTC] |
| lists of any sort, structs; maps | list, struct; list of struct of key and value |

The type says so, never the rows. A date or moment outside the years 1 to 9999, infinity too, is NULL, and NaN in a
decimal. What has no form here raises ValueError: the statement has to cast it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy
import pyarrow as pa
import pyarrow.compute as pc

UTC_MOMENT = pa.timestamp("us", tz="UTC")
_MOMENT = pa.timestamp("us")
_TEXTS = {"arrow.json"}
_LIES = {"money", "record", "oid", "xid", "cid", "tid"}
"""Types of PostgreSQL that the driver gives as something else than they are."""
_POSTGRES, _TYPMOD = b"POSTGRESQL:type", b"POSTGRESQL:typmod"
_EARLIEST, _LATEST = datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
_HEX = numpy.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype="S2")

Turn = Callable[[pa.Array], pa.Array]


class Normal:
    """The form here of what a driver's schema announces. Raises ValueError for a column that has none."""

    def __init__(self, schema: pa.Schema) -> None:
        made = [_column(field) for field in schema]
        fields = zip(schema.names, made, strict=True)
        self.schema = pa.schema([pa.field(name, type_) for name, (type_, _) in fields])
        self._turns = [turn for _, turn in made]

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Raises pyarrow.ArrowInvalid for a value that its type cannot hold."""
        columns = [
            column if turn is None else turn(column) for column, turn in zip(batch.columns, self._turns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _column(field: pa.Field) -> tuple[pa.DataType, Turn | None]:
    size = _declared(field)
    if size is not None:
        return size, lambda column: _decimal(_storage(column), size)
    return _form(field)


def _declared(field: pa.Field) -> pa.DataType | None:
    """The size of a numeric of PostgreSQL, from the modifier of its type, where it has one and it fits."""
    modifier = int((field.metadata or {}).get(_TYPMOD, b"-1")) - 4
    if modifier < 0:
        return None
    precision, scale = modifier >> 16, ((modifier & 0x7FF) ^ 1024) - 1024
    return pa.decimal128(precision, scale) if 0 <= scale <= precision <= 38 else None


def _form(field: pa.Field) -> tuple[pa.DataType, Turn | None]:
    """The type here, and how to get there; None where it is there already."""
    type_ = field.type
    own = (field.metadata or {}).get(_POSTGRES, b"").decode()
    if own.lstrip("_") in _LIES:
        raise ValueError(f"a column of type {own} has no form in Arrow")
    if isinstance(type_, pa.BaseExtensionType):
        return _extension(type_)
    if pa.types.is_dictionary(type_):
        return pa.string(), lambda column: column.dictionary_decode().cast(pa.string())
    if pa.types.is_map(type_):
        return _listed(pa.field("item", pa.struct([type_.key_field, type_.item_field])))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _listed(type_.value_field)
    if pa.types.is_fixed_size_list(type_):
        made, turn = _listed(type_.value_field)
        variable = pa.list_(type_.value_field)
        return made, lambda column: _turned(column.cast(variable), turn)
    if pa.types.is_struct(type_):
        return _struct(type_)
    return _plain(type_)


def _plain(type_: pa.DataType) -> tuple[pa.DataType, Turn | None]:
    if pa.types.is_temporal(type_) and not pa.types.is_time(type_) and not pa.types.is_interval(type_):
        return _calendar(type_)
    if pa.types.is_decimal(type_):
        return (type_, _checked) if type_ == pa.decimal128(38, 0) else (type_, None)
    for known, wanted in _PLAIN:
        if known(type_):
            return wanted, None if type_ == wanted else _cast(wanted)
    if type_ == pa.month_day_nano_interval():
        return type_, None
    raise ValueError(f"a column of type {type_} has no form here")


_PLAIN: list[tuple[Callable[[pa.DataType], bool], pa.DataType]] = [
    (pa.types.is_boolean, pa.bool_()),
    (lambda type_: type_ in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16()), pa.int32()),
    (lambda type_: type_ in (pa.int64(), pa.uint32()), pa.int64()),
    (pa.types.is_uint64, pa.decimal128(20, 0)),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_null, pa.string()),
    (lambda type_: pa.types.is_string(type_) or pa.types.is_large_string(type_), pa.string()),
    (pa.types.is_string_view, pa.string()),
    (lambda type_: pa.types.is_binary(type_) or pa.types.is_large_binary(type_), pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_time, pa.time64("us")),
]


def _cast(wanted: pa.DataType) -> Turn:
    # Nothing is lost but the digits of a nanosecond.
    return lambda column: pc.cast(column, wanted, safe=not pa.types.is_time(wanted))


def _calendar(type_: pa.DataType) -> tuple[pa.DataType, Turn | None]:
    if pa.types.is_date(type_):
        first, last, wanted = _EARLIEST.date(), _LATEST.date(), pa.date32()
    elif pa.types.is_timestamp(type_):
        first, last, wanted = _EARLIEST, _LATEST, _MOMENT if type_.tz is None else UTC_MOMENT
    else:
        raise ValueError(f"a column of type {type_} has no form here")
    whole = pa.int32() if wanted == pa.date32() else pa.int64()
    low, high = (pa.scalar(day, pa.date32() if wanted == pa.date32() else _MOMENT).cast(whole) for day in (first, last))

    def turn(column: pa.Array) -> pa.Array:
        number = pc.cast(column, wanted, safe=False).view(whole)
        found = pc.min_max(number)
        if number.null_count < len(number) and (
            found["min"].as_py() < low.as_py() or found["max"].as_py() > high.as_py()
        ):
            inside = pc.and_(pc.greater_equal(number, low), pc.less_equal(number, high))
            number = pc.if_else(inside, number, pa.scalar(None, whole))
        return number.view(wanted)

    return wanted, turn


def _extension(type_: pa.BaseExtensionType) -> tuple[pa.DataType, Turn | None]:
    if type_.extension_name == "arrow.uuid":
        return pa.string(), lambda column: _uuids(_storage(column))
    opaque = type_.extension_name == "arrow.opaque"
    if type_.extension_name in _TEXTS or (opaque and type_.type_name == "numeric"):
        return pa.string(), lambda column: _storage(column).cast(pa.string())
    raise ValueError(f"a column of type {type_.type_name if opaque else type_} has no form here")


def _listed(item: pa.Field) -> tuple[pa.DataType, Turn | None]:
    inner, turn = _form(item)

    def turned(column: pa.Array) -> pa.Array:
        # Compact: a slice has offsets of its own, with which no mask can go.
        whole = pa.concat_arrays([column])
        values = whole.values if not pa.types.is_map(whole.type) else _entries(whole)
        mask = whole.is_null() if whole.null_count else None
        return pa.ListArray.from_arrays(whole.offsets, _turned(values, turn), type=made, mask=mask)

    made = pa.list_(inner)
    return made, turned


def _entries(column: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays(
        [column.keys, column.items], fields=[column.type.key_field, column.type.item_field]
    )


def _struct(type_: pa.DataType) -> tuple[pa.DataType, Turn | None]:
    fields = [type_.field(at) for at in range(type_.num_fields)]
    formed = [_form(field) for field in fields]
    made = pa.struct([pa.field(field.name, inner) for field, (inner, _) in zip(fields, formed, strict=True)])

    def turned(column: pa.Array) -> pa.Array:
        inside = [_turned(column.field(at), turn) for at, (_, turn) in enumerate(formed)]
        mask = column.is_null() if column.null_count else None
        return pa.StructArray.from_arrays(inside, fields=list(made), mask=mask)

    return made, turned


def _turned(column: pa.Array, turn: Turn | None) -> pa.Array:
    return column if turn is None else turn(column)


def _storage(column: pa.Array) -> pa.Array:
    return column.storage if isinstance(column.type, pa.BaseExtensionType) else column


def _checked(column: pa.Array) -> pa.Array:
    """DuckDB's HUGEINT has values of 39 digits, which its Arrow type has not."""
    column.validate(full=True)
    return column


def _decimal(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    plain = pc.match_substring_regex(column, "^[-0-9.]+$")
    return pc.cast(pc.if_else(plain, column, pa.scalar(None, column.type)), wanted)


def _uuids(column: pa.Array) -> pa.Array:
    """The text of UUIDs, all at once."""
    count = len(column)
    stored = numpy.frombuffer(column.buffers()[1], dtype=numpy.uint8)[column.offset * 16 : (column.offset + count) * 16]
    digits = _HEX[stored].view("S1").reshape(count, 32)
    letters = numpy.insert(digits, [8, 12, 16, 20], b"-", axis=1)
    offsets = numpy.arange(0, 36 * (count + 1), 36, dtype=numpy.int32)
    text = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))
    return pc.if_else(column.is_valid(), text, pa.scalar(None, pa.string())) if column.null_count else text
