"""``mask: {sql: "LEFT(value, 2) || '..'"}``: the administrator's own expression, in which ``value`` is the only name.

It passes the same allow-list as every steward's SQL, so it is total, names no claims, and must give the column's type.
A NULL stays NULL without asking the expression; with ``nulls: hide`` the expression sees the NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from sqlglot import exp

from policies.evaluate import evaluator
from policies.fault import Fault
from policies.masks.exact import natural
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import unless_null
from policies.predicate import as_declared, read_expression
from policies.rules import Preserved
from schema.natural import EXACT, settled
from schema.sqltype import data_type
from schema.trees import copied
from schema.types import Kind, Type

_NAME = "value"


@dataclass(frozen=True, slots=True)
class Sql:
    expression: exp.Expression
    hide_nulls: bool
    kind: str = "sql"
    spec: str = "computed by an expression of the administrator"
    preserves: frozenset[Preserved] = frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        spelt = self.expression.transform(lambda node: copied(value) if isinstance(node, exp.Column) else node)
        shown = exp.Cast(this=exp.Paren(this=spelt), to=data_type(type_))
        return shown if self.hide_nulls else unless_null(value, shown)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        given = settled(value, type_)
        if given is None and not self.hide_nulls:
            return None
        with localcontext(EXACT):
            return _declared(evaluator(self.expression)({f"column:{_NAME}": given}.__getitem__), type_)


def _declared(value: object, type_: Type) -> object:
    """The expression's value as the column's type, as the cast in SQL gives it."""
    if type_.kind is Kind.FLOAT and isinstance(value, Decimal):
        return float(value)
    if type_.kind is Kind.DECIMAL and isinstance(value, int | Decimal):
        return natural(Fraction(value), type_)
    return settled(value, type_)


@mask("sql")
def parse(wanted: Wanted) -> Sql:
    if not isinstance(wanted.arguments, str):
        raise MaskFault("CH442", "The mask 'sql' needs an expression in quotes.", 'mask: {sql: "LEFT(value, 2)"}')
    try:
        term, _ = read_expression(wanted.arguments, {_NAME: wanted.type})
        fitting = as_declared(term, wanted.type)
    except Fault as fault:
        raise MaskFault(fault.code, fault.sentence, fault.hint) from None
    return Sql(fitting.sql, wanted.hide_nulls)
