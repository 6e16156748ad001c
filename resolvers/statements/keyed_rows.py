"""Keyed rows: what is found by key for a statement, governed row by row, as an Arrow part.

The same rules as in a governed relation, as functions (`policies.govern.row_functions`). A row of a feature view counts
only where the caller sees its key clear, as for a look-up by key; a model's key are the inputs that the statement gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson

from policies.rowwise import See
from resolvers.backends.keyed.keyed import Key
from resolvers.backends.keyed.values import from_json
from resolvers.lookups.find import Found
from resolvers.statements.keyed_plan import FoundByKey
from resolvers.statements.virtual import Rows
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.types import Kind, Type

if TYPE_CHECKING:
    import pyarrow as pa

OK = "~ok"


async def rows_by_key(
    part: FoundByKey, given: Sequence[tuple[object, ...]] | None, most: int, found: Found, see: See, catalog: Catalog
) -> Rows:
    """The part of these keys. Raises `Refusal` CH604 where there are too many, and what the source raises."""
    if given is None:
        raise Refusal(
            "CH604",
            f"'{part.product}' would have to be asked for more than {most} keys.",
            "Narrow the rows that it is joined to.",
            status=422,
        )
    product = catalog.products[part.product]
    keys = list(dict.fromkeys(_natural(row, part, product) for row in given))
    nullable = product.model.nullable if product.model is not None else frozenset()
    needed = [at for at, name in enumerate(product.key) if name not in nullable]
    wanted = [key for key in keys if all(key[at] is not None for at in needed)]
    found.ask(product.id, wanted, part.columns)
    raw = await found.rows(product.id, wanted)
    shown: list[Mapping[str, object]] = []
    for key, row in raw.items():
        seen = None if row is None else see(row)
        if seen is None or (product.model is None and not all(clear is True for clear in seen.key)):
            continue
        inputs = dict(zip(product.key, key, strict=True)) if product.model is not None else {}
        shown.append({**seen.row, **inputs, OK: True})
    return Rows(_batch(part, product, shown))


def _natural(row: tuple[object, ...], part: FoundByKey, product: Product) -> Key:
    types = [product.columns[name].type for name in product.key]
    return tuple(None if at is None else _fitted(row[at], type_) for at, type_ in zip(part.at, types, strict=True))


def _fitted(value: object, type_: Type) -> object:
    if type_.kind is Kind.FLOAT and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    try:
        return from_json(value, type_)
    except ValueError:
        return None


def _batch(part: FoundByKey, product: Product, rows: list[Mapping[str, object]]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = []
    for name in part.shown:
        column = product.columns.get(name)
        values = [row.get(name) for row in rows]
        if column is None:
            arrays.append(pa.array(values, pa.bool_()))
        elif column.type.kind in _AS_TEXT:
            texts = [None if value is None else _text(value, column.type) for value in values]
            arrays.append(pa.array(texts, pa.string()))
        else:
            arrays.append(pa.array(values, _arrow(column.type)))
    return pa.RecordBatch.from_arrays(arrays, names=list(part.shown))


_AS_TEXT = frozenset({Kind.STRING, Kind.UUID, Kind.JSON, Kind.STRUCT, Kind.ARRAY, Kind.INTERVAL})


def _text(value: object, type_: Type) -> str:
    return (
        orjson.dumps(value, default=str).decode() if type_.kind in (Kind.JSON, Kind.STRUCT, Kind.ARRAY) else str(value)
    )


def _arrow(type_: Type) -> pa.DataType:
    import pyarrow as pa

    if type_.kind is Kind.DECIMAL:
        return pa.decimal128(38, 9) if type_.precision is None else pa.decimal128(type_.precision, type_.scale or 0)
    return {
        Kind.BOOLEAN: pa.bool_(),
        Kind.INTEGER: pa.int32(),
        Kind.BIGINT: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.DATE: pa.date32(),
        Kind.TIME: pa.time64("us"),
        Kind.DATETIME: pa.timestamp("us"),
        Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        Kind.BYTES: pa.binary(),
    }[type_.kind]
