"""Form: what a front end's statement must be like before the gate looks at a name.

Exact node classes, arguments, functions and casts (`schema.sql.forms`), and the shape that `schema.statement` promises:
aliases that stand once, columns that are qualified by one of them, tables of one schema and one name.
"""

from __future__ import annotations

from sqlglot import exp

from policies.allow import refused
from schema.sql.forms import Outside, check_form
from schema.sql.scopes import Scope
from schema.statement import JOIN, LogicalStatement
from schema.trees import preorder


def check_statement(statement: LogicalStatement, scopes: list[Scope]) -> None:
    """Raise `Refusal` CH450 unless the statement has the form of `schema.statement`."""
    try:
        check_form(statement.tree, statement.dialect, resolved=True)
    except Outside as outside:
        raise refused(outside.what) from None
    aliases: set[str] = set()
    for scope in scopes:
        for alias, relation in scope.sources.items():
            if not alias or alias in aliases or "~" in alias:
                raise refused(f"alias {alias} stands twice or is none")
            aliases.add(alias)
            _check_relation(relation, scope)
    seen = {id(column) for scope in scopes for column in scope.columns}
    for node in preorder(statement.tree):
        if isinstance(node, exp.Column) and id(node) not in seen:
            raise refused(f"column {node.name} stands outside of every scope")
        if isinstance(node, exp.Placeholder) and node.name not in statement.slots:
            raise refused("a bind is none of the statement's own")
    for slot in statement.slots.values():
        if slot.origin != "variable":
            raise refused("a bind is no parameter")
    for scope in scopes:
        for column in scope.columns:
            _check_column(column, scope)


def _check_relation(relation: exp.Expr, scope: Scope) -> None:
    if isinstance(relation, exp.Table) and isinstance(relation.this, exp.Identifier):
        cte = scope.cte(relation)
        if cte is None and (not relation.db or relation.catalog or "~" in relation.name or "~" in relation.db):
            raise refused("a relation is written domain.product")
        if cte is not None and not relation.name.startswith("~"):
            raise refused("a common table expression has the name of a table")


def _check_column(column: exp.Column, scope: Scope) -> None:
    if not column.table:
        if column.find_ancestor(exp.Order, exp.Query) is None or "~" in column.name:
            raise refused(f"column {column.name} is not qualified")
        return
    if scope.find(column.table) is None:
        raise refused(f"column {column.name} is of no relation here")
    if "~" in column.name and not column.name.startswith(JOIN):
        raise refused(f"column {column.name} belongs to the gate")
