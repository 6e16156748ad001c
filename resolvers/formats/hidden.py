"""Hidden: what lies under a NULL in Arrow's buffers, which must not leave with them.

An Arrow array keeps validity apart from values. An engine that makes a NULL may set the bit alone and leave the value
where it was (DuckDB does, for ``NULLIF`` or a sum with NULL): a mask or a guard would hide it from every reader but one
who looks at the bytes. So whoever sends buffers as they are, rather than values one by one, sends them scrubbed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def scrubbed(array: pa.Array) -> pa.Array:
    """The same values, with zeros and empty texts under NULL, at every level of arrays and structs."""
    type_ = array.type
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _list(array)
    if pa.types.is_struct(type_):
        # Flattening takes the struct's own NULLs down to the fields.
        inner = [scrubbed(part) for part in array.flatten()]
        return pa.StructArray.from_arrays(inner, fields=list(type_), mask=array.is_null())
    if pa.types.is_null(type_):
        return array
    return _flat(array) if array.null_count else _own(array)


def _own(array: pa.Array) -> pa.Array:
    """With buffers that hold its values and no others: those of a part may still be those of the whole."""
    return pa.concat_arrays([array, array.slice(0, 0)])


def _flat(array: pa.Array) -> pa.Array:
    filled = _own(pc.fill_null(array, _zero(array.type)))
    valid = pa.array(array.is_valid().to_numpy(zero_copy_only=False))
    return pa.Array.from_buffers(array.type, len(array), [valid.buffers()[1], *filled.buffers()[1:]])


def _list(array: pa.Array) -> pa.Array:
    lengths = pc.list_value_length(array).fill_null(0)
    is_large = pa.types.is_large_list(array.type)
    offsets = np.zeros(len(array) + 1, np.int64 if is_large else np.int32)
    np.cumsum(lengths.to_numpy(), out=offsets[1:])
    made = pa.LargeListArray if is_large else pa.ListArray
    # Flattening leaves out what NULL lists still hold.
    return made.from_arrays(pa.array(offsets), scrubbed(array.flatten()), type=array.type, mask=array.is_null())


def _zero(type_: pa.DataType) -> pa.Scalar:
    if pa.types.is_interval(type_):
        return pa.scalar((0, 0, 0), type_)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pa.scalar("", type_)
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return pa.scalar(b"", type_)
    if pa.types.is_decimal(type_):
        return pa.scalar(0, type_)
    return pa.scalar(0).cast(pa.int32() if type_.bit_width == 32 else pa.int64()).cast(type_)
