"""DuckDB's rows as a stream: the engine's own Arrow reader, which runs the statement as far as it is read.

The result of ``execute`` would be built as a whole first, so a statement goes through ``sql`` here.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from resolvers.backends.arrow_types import Normal
from resolvers.backends.failures import failed, unfit
from resolvers.backends.streams import ROWS, Feed
from schema.errors import Refusal

_FORMLESS = ("BIT", "BIGNUM", "TIME WITH TIME ZONE", "UHUGEINT", "UNION", "VARIANT")
"""Types that the engine gives in Arrow as bytes or numbers that mean something else."""


def read(cursor: duckdb.DuckDBPyConnection, text: str, values: Sequence[object], feed: Feed) -> None:
    """One statement into a stream. Raises duckdb.Error, OSError (the reader's form of it) and ValueError."""
    relation = cursor.sql(single(cursor, text), params=list(values) or None)
    if relation is None:
        raise ValueError("a statement without columns")
    for type_ in map(str, relation.types):
        if type_.startswith(_FORMLESS):
            raise ValueError(f"a column of type {type_} has no form in Arrow")
    reader = relation.to_arrow_reader(ROWS)
    try:
        normal = Normal(reader.schema)
        feed.columns(normal.schema)
        for batch in reader:
            feed.give(normal.batch(batch))
    finally:
        reader.close()


_MISFITS = (
    ("GROUP BY", "a column stands outside of GROUP BY and of aggregates"),
    ("No function matches", "a function or operator does not take these types"),
    ("Cannot compare", "values of these types are not compared"),
    ("does not exist", "it has no such function"),
)


def told(source: str, error: Exception) -> Refusal:
    """What a caller is told of an error: that the statement does not fit, which the engine says before it looks at a
    row, or only that it failed."""
    said = str(error)
    missing_function = isinstance(error, duckdb.CatalogException) and "Function with name" in said
    if isinstance(error, duckdb.BinderException) or missing_function:
        why = next((why for mark, why in _MISFITS if mark in said), "its types or its form do not fit there")
        return unfit(source, error, why)
    return failed(source, error)


def single(cursor: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The one statement of a text."""
    statements = cursor.extract_statements(text)
    if len(statements) != 1:
        raise duckdb.NotSupportedError("only one statement runs at a time")
    return statements[0]
