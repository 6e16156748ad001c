"""What a PostgreSQL database holds, in the words of a catalog."""

from __future__ import annotations

import re

import asyncpg

from resolvers.backends.backend import ColumnInfo, ForeignKey, TableInfo

_WORDS = {
    "boolean": "boolean",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "bigint",
    "numeric": "decimal",
    "real": "float",
    "double precision": "float",
    "text": "string",
    "name": "string",
    "citext": "string",
    "date": "date",
    "time without time zone": "time",
    "timestamp without time zone": "datetime",
    "timestamp with time zone": "timestamp",
    "interval": "interval",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
    "bytea": "bytes",
}
_TABLES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname"""
_COLUMNS = """
SELECT a.attrelid AS oid, a.attname AS name, a.attnum AS number, NOT a.attnotnull AS nullable, t.typtype::text AS kind,
  format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
              CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS type,
  coalesce(col_description(a.attrelid, a.attnum), '') AS comment
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum"""
_KEYS = """
SELECT conrelid AS oid, contype::text AS kind, confrelid AS target, conkey AS numbers, confkey AS target_numbers
FROM pg_constraint WHERE conrelid = ANY($1::oid[]) AND contype IN ('p', 'f') ORDER BY conrelid, conname"""


async def describe(connection: asyncpg.Connection) -> list[TableInfo]:
    """All tables and views that the account may read. A path has no schema where the schema is ``public``."""
    tables = await connection.fetch(_TABLES)
    oids = [table["oid"] for table in tables]
    columns: dict[int, list[ColumnInfo]] = {}
    names: dict[tuple[int, int], str] = {}
    for row in await connection.fetch(_COLUMNS, oids):
        spelt = "string" if row["kind"] == "e" else catalog_type(row["type"])
        columns.setdefault(row["oid"], []).append(ColumnInfo(row["name"], spelt, row["nullable"], row["comment"]))
        names[row["oid"], row["number"]] = row["name"]
    paths = {table["oid"]: _path(table["schema"], table["name"]) for table in tables}
    keys: dict[int, tuple[str, ...]] = {}
    foreign: dict[int, list[ForeignKey]] = {}
    for row in await connection.fetch(_KEYS, oids):
        here = tuple(names[row["oid"], number] for number in row["numbers"])
        if row["kind"] == "p":
            keys[row["oid"]] = here
        elif row["target"] in paths:
            there = tuple(names[row["target"], number] for number in row["target_numbers"])
            foreign.setdefault(row["oid"], []).append(ForeignKey(here, paths[row["target"]], there))
    return [
        TableInfo(paths[oid], tuple(columns.get(oid, ())), keys.get(oid, ()), tuple(foreign.get(oid, ())), t["comment"])
        for t in tables
        for oid in (t["oid"],)
    ]


def catalog_type(spelt: str) -> str:
    """The catalog's word for a PostgreSQL type as ``format_type`` spells it."""
    if spelt.endswith("[]"):
        inner = catalog_type(spelt[:-2])
        return f"unknown: {spelt}" if inner.startswith("unknown") else f"array<{inner}>"
    if match := re.fullmatch(r"numeric\((\d+),(\d+)\)", spelt):
        return f"decimal({match[1]},{match[2]})"
    plain = re.sub(r"\(\d+\)", "", spelt)
    if plain in ("character varying", "character"):
        return "string"
    if plain.startswith("interval"):
        return "interval"
    return _WORDS.get(plain, f"unknown: {spelt}")


def _path(schema: str, table: str) -> tuple[str, ...]:
    return (table,) if schema == "public" else (schema, table)
