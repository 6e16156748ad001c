"""What any SQLAlchemy engine holds, in the words of a catalog, by its reflection."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, types
from sqlalchemy.dialects import mysql

from resolvers.backends.backend import ColumnInfo, ForeignKey, TableInfo


def reflect(connection: Connection) -> list[TableInfo]:
    """The tables and views of the default schema."""
    inspector = inspect(connection)
    comments = connection.dialect.supports_comments
    found: list[TableInfo] = []
    for name in sorted([*inspector.get_table_names(), *inspector.get_view_names()]):
        columns = tuple(
            ColumnInfo(str(c["name"]), catalog_type(c["type"]), bool(c["nullable"]), str(c.get("comment") or ""))
            for c in inspector.get_columns(name)
        )
        key = tuple(inspector.get_pk_constraint(name)["constrained_columns"])
        foreign = tuple(
            ForeignKey(tuple(f["constrained_columns"]), (f["referred_table"],), tuple(f["referred_columns"]))
            for f in inspector.get_foreign_keys(name)
        )
        comment = str(inspector.get_table_comment(name)["text"] or "") if comments else ""
        found.append(TableInfo((name,), columns, key, foreign, comment))
    return found


def catalog_type(type_: types.TypeEngine[object]) -> str:
    """The catalog's word for a reflected type."""
    match type_:
        case types.Boolean():
            return "boolean"
        case mysql.TINYINT():
            return "boolean" if type_.display_width == 1 else "integer"
        case types.BigInteger():
            return "bigint"
        case types.Integer():
            return "integer"
        case types.Float():
            return "float"
        case types.Numeric():
            return f"decimal({type_.precision},{type_.scale or 0})" if type_.precision else "decimal"
        case mysql.TIMESTAMP():
            return "timestamp"
        case types.DateTime():
            return "timestamp" if type_.timezone else "datetime"
        case types.Date():
            return "date"
        case types.Time():
            return "time"
        case types.JSON():
            return "json"
        case types.Uuid():
            return "uuid"
        case types.LargeBinary() | types.BINARY() | types.VARBINARY():
            return "bytes"
        case types.String():
            return "string"
        case _:
            return f"unknown: {type_}"
