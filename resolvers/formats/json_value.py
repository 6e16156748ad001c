"""JSON values: a column as the JSON texts of its values, also of arrays and structs; and rows laid out of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from resolvers.formats.escape import content, json_escaped
from resolvers.formats.text import text
from schema.types import Kind, Type

_BARE = frozenset({Kind.BOOLEAN, Kind.INTEGER, Kind.FLOAT, Kind.JSON, Kind.ARRAY, Kind.STRUCT})
_FREE = frozenset({Kind.STRING, Kind.UUID})  # texts that may hold anything


@dataclass(frozen=True, slots=True)
class Values:
    """Texts of JSON values, NULL where the value is; ``quoted`` ones still want their quotes."""

    texts: pa.Array
    quoted: bool

    def whole(self) -> pa.Array:
        """With quotes and ``null``."""
        texts = self.texts
        if self.quoted:
            texts = pc.binary_join_element_wise(pa.scalar('"'), texts, pa.scalar('"'), "")
        return texts.fill_null("null") if texts.null_count else texts


def values(array: pa.Array, type_: Type) -> Values:
    """A column in JSON, in the wire forms of schema.types."""
    if type_.kind is Kind.ARRAY and type_.item is not None and not pa.types.is_null(array.type):
        return Values(_array(array, type_.item), False)
    if type_.kind is Kind.STRUCT and not pa.types.is_null(array.type):
        return Values(_struct(array, type_), False)
    texts = text(array, type_)
    return Values(json_escaped(texts) if type_.kind in _FREE else texts, type_.kind not in _BARE)


def laid_out(prefixes: Sequence[str], columns: Sequence[Values], suffix: str) -> memoryview:
    """Every row's text, one after another: before each value its prefix, after the last one the suffix."""
    parts: list[object] = []
    before = ""
    for prefix, column in zip(prefixes, columns, strict=True):
        bare = column.quoted and not column.texts.null_count
        quote = '"' if bare else ""
        parts += [pa.scalar(before + prefix + quote), column.texts if bare else column.whole()]
        before = quote
    return content(pc.binary_join_element_wise(*parts, pa.scalar(before + suffix), ""))


def key(name: str) -> str:
    """A name as JSON text."""
    return orjson.dumps(name).decode()


def _array(array: pa.Array, item: Type) -> pa.Array:
    array = array.cast(pa.list_(array.type.value_type)) if pa.types.is_large_list(array.type) else array
    offsets = array.offsets
    first = offsets[0].as_py() if len(offsets) else 0
    last = offsets[-1].as_py() if len(offsets) else 0
    inner = values(array.values.slice(first, last - first), item).whole()
    lists = pa.ListArray.from_arrays(pc.subtract(offsets, pa.scalar(first, pa.int32())), inner)
    joined = pc.binary_join_element_wise(pa.scalar("["), pc.binary_join(lists, ","), pa.scalar("]"), "")
    return _kept(joined, array)


def _struct(array: pa.Array, type_: Type) -> pa.Array:
    parts: list[object] = []
    before = "{"
    for (name, inner), part in zip(type_.fields, array.flatten(), strict=True):
        parts += [pa.scalar(f"{before}{key(name)}:"), values(part, inner).whole()]
        before = ","
    return _kept(pc.binary_join_element_wise(*parts, pa.scalar("}"), ""), array)


def _kept(texts: pa.Array, array: pa.Array) -> pa.Array:
    return pc.if_else(array.is_valid(), texts, pa.scalar(None, pa.string())) if array.null_count else texts
