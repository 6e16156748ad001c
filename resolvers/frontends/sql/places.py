"""Places: where in the caller's text a node was written."""

from __future__ import annotations

from sqlglot import exp

from schema.trees import preorder


def place_of(node: exp.Expr) -> tuple[tuple[int, int], ...]:
    """Line and column, from 1, of the first name in a node; nothing where the parser kept none."""
    for part in preorder(node):
        line, column = part.meta.get("line"), part.meta.get("col")
        if isinstance(line, int) and isinstance(column, int):
            return ((line, max(1, column - len(part.name) + 1)),)
    return ()
