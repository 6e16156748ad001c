"""What may stand inside a policy test's query: columns, aggregates of columns, and comparisons with values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from sqlglot import exp

from resolvers.natural import natural
from schema.catalog import Product
from schema.errors import Refusal
from schema.query import Slot
from schema.types import BIGINT, BOOLEAN, DECIMAL, FLOAT, NUMERIC, ORDERED, STRING, Kind, Type
from schema.visible import VisibleSet

_FORM = "A test reads one product: SELECT columns or COUNT/SUM/AVG/MIN/MAX FROM domain.product WHERE column = value .."
_Compare: TypeAlias = "type[exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE]"
_COMPARISONS: dict[type, _Compare] = {kind: kind for kind in (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)}
_PATTERNS: dict[type, str] = {exp.Like: "CH_CONTAINS", exp.ILike: "CH_ICONTAINS"}


def outside(what: str) -> Refusal:
    """CH460: the query is not of the form a test may have."""
    return Refusal("CH460", f"The test's query {what}.", _FORM)


@dataclass(frozen=True, slots=True)
class Term:
    sql: exp.Expression
    type: Type


def aggregates(term: Term) -> bool:
    return isinstance(term.sql, exp.Count | exp.Min | exp.Max | exp.Anonymous)


@dataclass(slots=True)
class Terms:
    """Reads expressions over one product under the alias ``t``. ``slots`` are the values met so far."""

    product: Product
    alias: str
    visible: VisibleSet
    slots: dict[str, Slot] = field(default_factory=dict)

    def table(self) -> exp.Table:
        parts = {"this": self.product.name, "db": self.product.domain}
        names = {part: exp.to_identifier(name, quoted=True) for part, name in parts.items()}
        return exp.Table(**names, alias=exp.TableAlias(this=exp.to_identifier("t", quoted=True)))

    def value(self, node: exp.Expr) -> Term:
        """A column or an aggregate of one. Raises `Refusal`."""
        if isinstance(node, exp.Paren):
            return self.value(node.this)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Count):
            return Term(exp.Count(this=self._counted(node.this)), BIGINT)
        if isinstance(node, exp.Min | exp.Max):
            inner = self._column(node.this)
            if inner.type.kind not in ORDERED or inner.type.kind is Kind.BOOLEAN:
                raise outside(f"asks for a minimum or maximum of a {inner.type}")
            return Term(type(node)(this=inner.sql), inner.type)
        if isinstance(node, exp.Sum | exp.Avg):
            return self._figure(node)
        raise outside(f"has {node.sql(dialect='postgres')} where a column or an aggregate of one may stand")

    def _column(self, node: object) -> Term:
        if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
            raise outside("has something else than a column inside an aggregate, or a star")
        if node.table not in ("", self.alias):
            raise outside(f"names table '{node.table}', which it does not read")
        if not self.visible.column(self.product.id, node.name):
            raise Refusal("CH205", f"No column '{node.name}' in product '{self.product.id}'.")
        return Term(exp.column(node.name, table="t", quoted=True), self.product.columns[node.name].type)

    def _counted(self, node: object) -> exp.Expression:
        if isinstance(node, exp.Star):
            return exp.Star()
        if isinstance(node, exp.Distinct):
            return exp.Distinct(expressions=[self._column(one).sql for one in node.expressions])
        return self._column(node).sql

    def _figure(self, node: exp.Sum | exp.Avg) -> Term:
        inner = self._column(node.this)
        if inner.type.kind not in NUMERIC:
            raise outside(f"asks for a sum or average of a {inner.type}")
        if isinstance(node, exp.Avg):
            return Term(exp.Anonymous(this="CH_AVG", expressions=[inner.sql]), FLOAT)
        type_ = FLOAT if inner.type.kind is Kind.FLOAT else DECIMAL
        return Term(exp.Anonymous(this="CH_SUM", expressions=[inner.sql]), type_)

    def condition(self, node: exp.Expr) -> exp.Expression:
        """A condition. Raises `Refusal`."""
        if isinstance(node, exp.Paren):
            return exp.Paren(this=self.condition(node.this))
        if isinstance(node, exp.And | exp.Or):
            return type(node)(this=self.condition(node.left), expression=self.condition(node.right))
        if isinstance(node, exp.Not):
            return exp.Not(this=exp.Paren(this=self.condition(node.this)))
        if node.args.get("negate"):  # how the parser writes IS NOT NULL and NOT LIKE
            plain = node.copy()
            plain.set("negate", None)
            return exp.Not(this=exp.Paren(this=self.condition(plain)))
        if type(node) in _COMPARISONS and isinstance(node, exp.Binary):
            return self._comparison(node, _COMPARISONS[type(node)])
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return exp.Is(this=self.value(node.this).sql, expression=exp.Null())
        if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
            return self._member(node)
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            return self.condition(exp.And(this=low, expression=exp.LTE(this=node.this, expression=node.args["high"])))
        if type(node) in _PATTERNS and isinstance(node, exp.Binary):
            return self._pattern(node, _PATTERNS[type(node)])
        if isinstance(node, exp.Column):
            return exp.EQ(this=self.value(node).sql, expression=self._bind(True, BOOLEAN))
        raise outside(f"has the condition {node.sql(dialect='postgres')}")

    def _comparison(self, node: exp.Binary, kind: _Compare) -> exp.Expression:
        left, right = node.left, node.right
        if _is_value(left):
            return kind(this=self._literal(left, self.value(right).type), expression=self.value(right).sql)
        term = self.value(left)
        other = self._literal(right, term.type) if _is_value(right) else self.value(right).sql
        return kind(this=term.sql, expression=other)

    def _member(self, node: exp.In) -> exp.Expression:
        term = self.value(node.this)
        values = [_read(item, term.type) for item in node.expressions]
        return exp.Anonymous(this="CH_IN", expressions=[term.sql, self._bind(values, term.type, many=True)])

    def _pattern(self, node: exp.Binary, name: str) -> exp.Expression:
        term = self.value(node.left)
        text = node.right.name if isinstance(node.right, exp.Literal) and node.right.is_string else "\\"
        if term.type != STRING or (len(text) - len(text.rstrip("\\"))) % 2:
            raise outside("has a LIKE that does not compare text with a quoted pattern")
        return exp.Anonymous(this=name, expressions=[term.sql, self._bind(text, STRING)])

    def _literal(self, node: exp.Expr, type_: Type) -> exp.Expression:
        return self._bind(_read(node, type_), type_)

    def _bind(self, value: object, type_: Type, many: bool = False) -> exp.Placeholder:
        name = f"v{len(self.slots)}"
        self.slots[name] = Slot(name, type_, "constant", many=many, value=value)
        return exp.Placeholder(this=name)


def _is_value(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal | exp.Boolean | exp.Neg | exp.Cast)


def _read(node: exp.Expr, type_: Type) -> object:
    """A value as its column's type. ``DATE '2013-01-31'`` and the like are read as their text."""
    if isinstance(node, exp.Boolean) and type_.kind is Kind.BOOLEAN:
        return bool(node.this)
    sign = "-" if isinstance(node, exp.Neg) else ""
    inner = node.this if isinstance(node, exp.Neg | exp.Cast) else node
    if isinstance(inner, exp.Literal) and type_.kind is not Kind.BOOLEAN:
        try:
            return natural(sign + inner.name, type_)
        except (ValueError, InvalidOperation):
            pass  # said below, with the type
    raise outside(f"compares a {type_} with {node.sql(dialect='postgres')}")


def plain_values(rows: Sequence[Sequence[object]], types: Sequence[Type]) -> list[tuple[object, ...]]:
    """Rows of wire values, or of values as a steward writes them, in one comparable form."""
    return [tuple(_plain(value, type_) for value, type_ in zip(row, types, strict=True)) for row in rows]


def _plain(value: object, type_: Type) -> object:
    if value is None or isinstance(value, bool):
        return value
    if type_.kind in NUMERIC and isinstance(value, int | float | str):
        try:
            number = natural(str(value), type_)
        except (ValueError, InvalidOperation):
            return str(value)
        return float(f"{number:.12g}") if isinstance(number, float) else format(Decimal(str(number)).normalize(), "f")
    return value if isinstance(value, list | dict) else str(value)
