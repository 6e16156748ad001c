"""DuckDB's rows as a stream: the engine's own Arrow reader, which runs the statement as far as it is read.

The result of ``execute`` would be built as a whole first, so a statement goes through ``sql`` here.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from resolvers.backends.arrow_types import Normal
from resolvers.backends.streams import ROWS, Feed

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


def single(cursor: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The one statement of a text."""
    statements = cursor.extract_statements(text)
    if len(statements) != 1:
        raise duckdb.NotSupportedError("only one statement runs at a time")
    return statements[0]
