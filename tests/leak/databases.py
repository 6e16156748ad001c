"""The world, and what a reference persona sees of it, as real tables in DuckDB files and PostgreSQL schemas."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.leak.world import Row

TABLES: dict[str, tuple[str, str, dict[str, str]]] = {
    "crm.people": (
        "main",
        "people",
        {
            "id": "BIGINT", "name": "TEXT", "email": "TEXT", "phone": "TEXT", "region": "TEXT", "birth": "DATE",
            "balance": "DECIMAL(12,2)", "score": "DOUBLE PRECISION", "vip": "BOOLEAN", "manager_id": "BIGINT",
            "notes": "TEXT",
        },
    ),
    "crm.orders": (
        "main",
        "orders",
        {
            "id": "BIGINT", "person_id": "BIGINT", "store_code": "TEXT", "badge_no": "TEXT",
            "amount": "DECIMAL(10,2)", "quantity": "INTEGER", "placed_at": "TIMESTAMPTZ", "status": "TEXT",
            "code": "TEXT",
        },
    ),
    "crm.badges": ("main", "badges", {"badge_no": "TEXT", "level": "INTEGER", "colour": "TEXT"}),
    "geo.stores": (
        "side",
        "stores",
        {"code": "TEXT", "name": "TEXT", "region": "TEXT", "lat": "DOUBLE PRECISION", "opened": "DATE"},
    ),
    "internal.rights": ("main", "rights", {"id": "BIGINT", "username": "TEXT", "store_code": "TEXT"}),
}  # fmt: skip
LINKS: dict[str, dict[str, str]] = {
    "crm.people": {"~manager": "BIGINT", "~id": "BIGINT"},
    "crm.orders": {"~person": "BIGINT", "~store": "TEXT", "~badge": "TEXT", "~id": "BIGINT"},
    "crm.badges": {"~badge": "TEXT"},
    "geo.stores": {"~store": "TEXT"},
    "internal.rights": {},
}
REFERENCE = {product: dict(columns) for product, (_, _, columns) in TABLES.items()}
REFERENCE["crm.people"]["rich"] = "BOOLEAN"
for _product, _links in LINKS.items():
    REFERENCE[_product] |= {name.replace("~", "link_"): type_ for name, type_ in _links.items()}


def statements(source: str, rows: dict[str, list[Row]], reference: bool) -> Iterable[str]:
    """CREATE TABLE and INSERT for the tables of one source; ``reference`` adds link columns and derived values."""
    for product, (where, table, plain) in TABLES.items():
        if where != source:
            continue
        columns = REFERENCE[product] if reference else plain
        yield f"CREATE TABLE {table} ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})"
        for row in rows.get(product, []):
            names = ("~" + name.removeprefix("link_") if name.startswith("link_") else name for name in columns)
            values = (row.get(name) for name in names)
            yield f"INSERT INTO {table} VALUES ({', '.join(map(literal, values))})"


def literal(value: object) -> str:
    """A value as both engines read it."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int() | float() | Decimal():
            return str(value)
        case datetime():
            return f"TIMESTAMPTZ '{value.isoformat()}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


def duckdb_file(folder: Path, source: str, rows: dict[str, list[Row]], reference: bool) -> None:
    """``<source>.duckdb`` in a folder."""
    connection = duckdb.connect(str(folder / f"{source}.duckdb"))
    connection.execute("SET TimeZone = 'UTC'")
    for statement in statements(source, rows, reference):
        connection.execute(statement)
    connection.close()
