"""BigQuery: what a dataset holds, in the words of a catalog. Read from the tables' resources, which costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from resolvers.backends.backend import ColumnInfo, ForeignKey, TableInfo

_WORDS = {
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "INTEGER": "bigint",
    "INT64": "bigint",
    "FLOAT": "float",
    "FLOAT64": "float",
    "STRING": "string",
    "DATE": "date",
    "TIME": "time",
    "DATETIME": "datetime",
    "TIMESTAMP": "timestamp",
    "INTERVAL": "interval",
    "JSON": "json",
    "BYTES": "bytes",
}
_DECIMALS = {"NUMERIC": (38, 9), "BIGNUMERIC": (76, 38)}

Resource = Mapping[str, Any]


def table_info(resource: Resource) -> TableInfo:
    """A table's resource (tables.get)."""
    fields = resource.get("schema", {}).get("fields", [])
    constraints = resource.get("tableConstraints", {})
    return TableInfo(
        (resource["tableReference"]["tableId"],),
        tuple(_column(field) for field in fields),
        tuple(constraints.get("primaryKey", {}).get("columns", ())),
        tuple(_foreign(key) for key in constraints.get("foreignKeys", ())),
        resource.get("description", ""),
    )


def _column(field: Resource) -> ColumnInfo:
    nullable = field.get("mode", "NULLABLE") != "REQUIRED"
    return ColumnInfo(field["name"], catalog_type(field), nullable, field.get("description", ""))


def _foreign(key: Resource) -> ForeignKey:
    pairs = key["columnReferences"]
    return ForeignKey(
        tuple(pair["referencingColumn"] for pair in pairs),
        (key["referencedTable"]["tableId"],),
        tuple(pair["referencedColumn"] for pair in pairs),
    )


def catalog_type(field: Resource) -> str:
    """The catalog's word for a column's type."""
    if field.get("mode") == "REPEATED":
        item = catalog_type({**field, "mode": "NULLABLE"})
        return item if item.startswith("unknown") else f"array<{item}>"
    kind = field["type"]
    if kind in _DECIMALS:
        precision, scale = _DECIMALS[kind]
        return (
            f"decimal({field.get('precision', precision)},{field.get('scale', 0 if 'precision' in field else scale)})"
        )
    if kind in ("RECORD", "STRUCT"):
        return _struct(field["fields"])
    return _WORDS.get(kind, f"unknown: {kind}")


def _struct(fields: Iterable[Resource]) -> str:
    typed = [(field["name"], catalog_type(field)) for field in fields]
    unknown = next((type_ for _, type_ in typed if type_.startswith("unknown")), None)
    return unknown or f"struct<{', '.join(f'{name}: {type_}' for name, type_ in typed)}>"
