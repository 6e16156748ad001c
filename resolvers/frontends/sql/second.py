"""Second: PostgreSQL's own parser reads the text too, and must see the same relations.

sqlglot reads some texts that PostgreSQL refuses, and a few as something else. What runs is written anew from sqlglot's
tree, so a difference could at worst be a wrong answer; where the two disagree there is none.
"""

from __future__ import annotations

from collections import Counter

import postgast
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from postgast.pg_query_pb2 import RangeVar
from sqlglot import exp

from schema.errors import Refusal
from schema.trees import preorder

Names = Counter[tuple[str, ...]]


def agree(text: str, tree: exp.Expr) -> None:
    """Raise `Refusal` CH160 where PostgreSQL cannot read the text, or reads other relations in it."""
    try:
        parsed = postgast.parse(text)
    except DecodeError:
        raise _refused("PostgreSQL's own parser finds the statement nested too deep") from None
    except postgast.PgQueryError as error:
        raise _refused("PostgreSQL's own parser cannot read the statement", error.cursorpos, text) from None
    if len(parsed.stmts) != 1 or parsed.stmts[0].stmt.WhichOneof("node") != "select_stmt":
        raise _refused("PostgreSQL's own parser sees no single SELECT")
    if _relations(parsed) != _named(tree):
        raise _refused("two parsers see different relations in the statement")


def _relations(parsed: postgast.ParseResult) -> Names:
    found = postgast.find_nodes(parsed, RangeVar)
    return Counter(tuple(part for part in (node.catalogname, node.schemaname, node.relname) if part) for node in found)


def _named(tree: exp.Expr) -> Names:
    return Counter(
        tuple(
            part.name if part.args.get("quoted") else part.name.lower()
            for part in node.parts
            if isinstance(part, exp.Identifier)
        )
        for node in preorder(tree)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)
    )


def _refused(what: str, position: int = 0, text: str = "") -> Refusal:
    places: tuple[tuple[int, int], ...] = ()
    if position > 0:
        before = text[: position - 1]
        line = before.count("\n") + 1
        places = ((line, len(before) - (before.rfind("\n") + 1) + 1),)
    where = f" (line {places[0][0]}, column {places[0][1]})" if places else ""
    hint = "Check its syntax, or name another dialect: duckdb, bigquery or ansi."
    return Refusal("CH160", f"{what[0].upper()}{what[1:]}{where}.", hint, locations=places)
