"""What a DuckDB database holds, in the words of a catalog."""

from __future__ import annotations

import re

import duckdb

from resolvers.backends.backend import ColumnInfo, ForeignKey, TableInfo

_WORDS = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "FLOAT": "float",
    "DOUBLE": "float",
    "VARCHAR": "string",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "datetime",
    "TIMESTAMP_S": "datetime",
    "TIMESTAMP_MS": "datetime",
    "TIMESTAMP_NS": "datetime",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "JSON": "json",
    "BLOB": "bytes",
}
_COLUMNS = """
SELECT schema_name, table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database() ORDER BY schema_name, table_name, column_index"""
_COMMENTS = """
SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
UNION ALL SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal"""
_KEYS = """
SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names
FROM duckdb_constraints() WHERE constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
ORDER BY schema_name, table_name, constraint_index"""


def describe(cursor: duckdb.DuckDBPyConnection) -> list[TableInfo]:
    """All tables and views. A path has no schema where the schema is ``main``."""
    columns: dict[tuple[str, ...], list[ColumnInfo]] = {}
    for schema, table, name, type_, nullable, comment in cursor.execute(_COLUMNS).fetchall():
        found = ColumnInfo(name, catalog_type(type_), bool(nullable), comment or "")
        columns.setdefault(_path(schema, table), []).append(found)
    comments = {_path(schema, table): comment or "" for schema, table, comment in cursor.execute(_COMMENTS).fetchall()}
    keys: dict[tuple[str, ...], tuple[str, ...]] = {}
    foreign: dict[tuple[str, ...], list[ForeignKey]] = {}
    for schema, table, kind, names, target, target_names in cursor.execute(_KEYS).fetchall():
        if kind == "PRIMARY KEY":
            keys[_path(schema, table)] = tuple(names)
        else:
            reference = ForeignKey(tuple(names), _path(schema, target), tuple(target_names))
            foreign.setdefault(_path(schema, table), []).append(reference)
    return [
        TableInfo(path, tuple(found), keys.get(path, ()), tuple(foreign.get(path, ())), comments.get(path, ""))
        for path, found in columns.items()
    ]


def catalog_type(spelt: str) -> str:
    """The catalog's word for a DuckDB type."""
    if spelt.endswith("[]"):
        return _nested("array<{}>", spelt[:-2], spelt)
    if match := re.fullmatch(r"(.+)\[\d+\]", spelt):
        return _nested("array<{}>", match[1], spelt)
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", spelt):
        return f"decimal({match[1]},{match[2]})"
    if spelt.startswith("ENUM("):
        return "string"
    if spelt.startswith("STRUCT(") and spelt.endswith(")"):
        return _struct(spelt)
    return _WORDS.get(spelt, f"unknown: {spelt}")


def _nested(form: str, inner: str, spelt: str) -> str:
    found = catalog_type(inner)
    return f"unknown: {spelt}" if found.startswith("unknown") else form.format(found)


def _struct(spelt: str) -> str:
    fields = []
    for part in _split(spelt[len("STRUCT(") : -1]):
        match = re.fullmatch(r'\s*(?:"((?:[^"]|"")+)"|(\S+))\s+(.+)', part)
        type_ = catalog_type(match[3]) if match else "unknown"
        if match is None or type_.startswith("unknown"):
            return f"unknown: {spelt}"
        fields.append(f"{match[1] or match[2]}: {type_}")
    return f"struct<{', '.join(fields)}>"


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        quoted ^= char == '"'
        depth += (char == "(") - (char == ")") if not quoted else 0
        if char == "," and depth == 0 and not quoted:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _path(schema: str, table: str) -> tuple[str, ...]:
    return (table,) if schema == "main" else (schema, table)
