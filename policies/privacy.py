"""Suppress: the minimum group. No number leaves that fewer than ``k`` entities stand behind (docs/policies.md).

An entity is a distinct raw value of the rule's key, counted over governed rows (``~entity.0`` in the relation).

- Ungrouped, with a filter F: answered when n(F) >= k and no row is outside F or the rows outside belong to at least k
  entities, else every value is NULL, as for zero. Below a parent only entities wholly outside count.
- Grouped: groups below k are dropped; where the dropped ones together hold fewer than k (or, with an entity that may be
  in several groups, whenever one was dropped), the next smallest goes too. HAVING, ORDER BY and LIMIT come afterwards.
- A row without an entity counts for nobody, but it is a row: what it alone would tell is not told.
- min, max and percentiles tell of single entities and are refused, and so are rows unless ``aggregate_only: false``.

Does not promise: that several questions cannot be subtracted from one another.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from policies.decide import TableDecision
from schema.catalog import Product
from schema.errors import Refusal
from schema.query import Block
from schema.trees import copied

ENTITY = "~entity."
_SINGLE = frozenset({"CH_PERCENTILE"})
_AGGREGATES = (exp.Count, exp.Min, exp.Max)
_LOGICAL_AGGREGATES = frozenset({"CH_SUM", "CH_AVG", "CH_STDDEV", "CH_PERCENTILE"})


@dataclass(frozen=True, slots=True)
class MinimumGroup:
    """All minimum groups of a product that apply to a caller, as one: each of the ``keys`` tells entities apart, and
    the fewest of them count. ``k`` is the largest; one rule that keeps rows back keeps them back."""

    name: str
    keys: tuple[tuple[str, ...], ...]
    k: int
    aggregate_only: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The entity columns of the governed relation, one per key."""
        return tuple(f"{ENTITY}{index}" for index in range(len(self.keys)))


def strongest(decision: TableDecision) -> MinimumGroup | None:
    """The minimum group that applies, if any."""
    rules = decision.privacy
    if not rules:
        return None
    keys = tuple(dict.fromkeys(rule.key for rule in rules))
    name, only = " and ".join(rule.name for rule in rules), any(rule.aggregate_only for rule in rules)
    return MinimumGroup(name, keys, max(rule.k for rule in rules), only)


def names_of(decision: TableDecision) -> tuple[str, ...]:
    """The rules behind the minimum group."""
    return tuple(rule.name for rule in decision.privacy)


def suppress(select: exp.Select, block: Block, decision: TableDecision, product: Product) -> exp.Select:
    """Apply the minimum group to a block's governed select. Raises `Refusal` CH451 where it cannot be asked so."""
    rule = strongest(decision)
    if rule is None:
        return select
    grouped = select.args.get("group") is not None
    if not grouped and not block.aggregate:
        if rule.aggregate_only:
            raise refused(product, "asks for single rows", decision)
        return select
    for node in select.walk(prune=lambda node: isinstance(node, exp.From)):
        if isinstance(node, (exp.Min, exp.Max)) or (isinstance(node, exp.Anonymous) and node.name in _SINGLE):
            raise refused(product, "asks for a minimum, maximum or percentile", decision)
    outside = _outside(select, block, rule, product)
    _count_values(select, rule)
    return _grouped(select, rule, product, outside) if grouped else _ungrouped(select, rule, outside)


def _count_values(select: exp.Select, rule: MinimumGroup) -> None:
    """A figure over a column stands on the entities that have a value there: others are in no sum and no average."""

    def guarded(node: exp.Expr) -> exp.Expr:
        column = _figured(node)
        if column is None:
            return node
        behind = _entities(select, rule, unless=exp.Is(this=copied(column), expression=exp.Null()))
        enough = exp.GTE(this=behind, expression=exp.Literal.number(rule.k))
        return exp.Case(ifs=[exp.If(this=enough, true=copied(node))])

    for item in select.expressions:
        item.set("this", item.this.transform(guarded))
    for clause in ("having", "order"):
        if select.args.get(clause) is not None:
            select.set(clause, select.args[clause].transform(guarded))


def _figured(node: exp.Expr) -> exp.Expression | None:
    """What a figure is over; None for COUNT(*) and for what is no figure."""
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        found = node.this.expressions[0]
    elif isinstance(node, exp.Anonymous) and node.name in _LOGICAL_AGGREGATES:
        found = node.expressions[0]
    else:
        return None
    return found if isinstance(found, exp.Expression) else None


def refused(product: Product, why: str, decision: TableDecision) -> Refusal:
    return Refusal(
        "CH451",
        f"'{product.plural}' answers only numbers over groups, and the query {why}.",
        f"Ask for counts, sums and averages: '{product.plural}Aggregate' or '{product.plural}Groups'.",
        status=403,
        rules=names_of(decision),
    )


def _ungrouped(select: exp.Select, rule: MinimumGroup, outside: exp.Expression | None) -> exp.Select:
    allowed: exp.Expression = exp.GTE(this=_entities(select, rule), expression=exp.Literal.number(rule.k))
    if outside is not None:
        allowed = exp.And(this=allowed, expression=outside)
    for item in select.expressions:
        value = item.this
        item.set("this", exp.Case(ifs=[exp.If(this=copied(allowed), true=value)]))
    return select


def _entities(select: exp.Select, rule: MinimumGroup, unless: exp.Expression | None = None) -> exp.Expression:
    """How many entities stand behind the rows for which ``unless`` does not hold: of several kinds the fewest."""
    found: list[exp.Expression] = []
    for name in rule.columns:
        value: exp.Expression = exp.column(name, table=select.args["from_"].this.alias, quoted=True)
        if unless is not None:
            value = exp.Case(ifs=[exp.If(this=copied(unless), true=exp.Null())], default=value)
        found.append(exp.Count(this=exp.Distinct(expressions=[value])))
    fewest, *rest = found
    for count in rest:
        less = exp.LT(this=copied(count), expression=copied(fewest))
        fewest = exp.Case(ifs=[exp.If(this=less, true=count)], default=fewest)
    return fewest


def _outside(select: exp.Select, block: Block, rule: MinimumGroup, product: Product) -> exp.Expression | None:
    """Outside the filter is nothing, or enough: subtracting the answer from the whole gives away nobody.

    Where an entity has one row, those outside are N - n(F). Else an entity may have rows on both sides, and the rows
    outside are looked at; below a parent, whose link is not in this select yet, N - n(F) is a lower bound of that. None
    where there is no filter.
    """
    where = select.args.get("where")
    if where is None and block.relationship is None:
        return None
    rows = _less(_of_all(select, exp.Count(this=exp.Star())), exp.Count(this=exp.Star()))
    if where is not None and block.relationship is None and not _one_row_each(rule, product):
        others = _of_all(select, _entities(select, rule, unless=where.this))
    else:
        others = _less(_of_all(select, _entities(select, rule)), _entities(select, rule))
    none = exp.EQ(this=rows, expression=exp.Literal.number(0))
    enough = exp.GTE(this=others, expression=exp.Literal.number(rule.k))
    return exp.Paren(this=exp.Or(this=none, expression=enough))


def _of_all(select: exp.Select, value: exp.Expression) -> exp.Expression:
    """A figure over the whole governed relation, whatever the select's filter."""
    return exp.select(value).from_(copied(select.args["from_"].this)).subquery()


def _less(one: exp.Expression, other: exp.Expression) -> exp.Expression:
    return exp.Paren(this=exp.Sub(this=one, expression=other))


def _one_row_each(rule: MinimumGroup, product: Product) -> bool:
    return all(set(key) >= set(product.key) for key in rule.keys)


def _grouped(select: exp.Select, rule: MinimumGroup, product: Product, outside: exp.Expression | None) -> exp.Select:
    """groups (with their sizes) -> ranked (which are dropped) -> the select's own HAVING, ORDER BY and LIMIT."""
    keys = [copied(key) for key in select.args["group"].expressions]
    having, order = select.args.get("having"), select.args.get("order")
    limit, offset = select.args.get("limit"), select.args.get("offset")
    outputs = [item.alias for item in select.expressions]
    inner = copied(select)
    for clause in ("having", "order", "limit", "offset"):
        inner.set(clause, None)
    lifted = _Lifted(keys)
    condition = lifted.lift(having.this) if having else None
    ordering = [lifted.lift(item) for item in order.expressions] if order else []
    for index, key in enumerate(keys):
        inner = inner.select(exp.alias_(key, f"~g{index}", quoted=True))
    for expression, name in lifted.items:
        inner = inner.select(exp.alias_(expression, name, quoted=True))
    inner = inner.select(exp.alias_(_entities(select, rule), "~n", quoted=True))
    ranked = exp.select(exp.Star(), *_windows(len(keys), rule.k)).from_(inner.subquery(_name("q")))
    outer = exp.select(*(exp.alias_(exp.column(name, table="g", quoted=True), name, quoted=True) for name in outputs))
    outer = outer.from_(ranked.subquery(_name("g"))).where(_kept(rule, product))
    if outside is not None:
        outer = outer.where(_alone(select, outside).subquery())
    if condition is not None:
        outer = outer.where(condition)
    if ordering:
        outer.set("order", exp.Order(expressions=ordering))
    outer.set("limit", limit)
    outer.set("offset", offset)
    return outer


def _alone(select: exp.Select, figure: exp.Expression) -> exp.Select:
    """A figure over the select's rows, ungrouped."""
    whole = copied(select)
    for clause in ("having", "order", "limit", "offset", "group"):
        whole.set(clause, None)
    whole.set("expressions", [_as(figure, "~ok")])
    return whole


def _windows(keys: int, k: int) -> list[exp.Expression]:
    """``~small``: how many entities the groups below k hold, NULL where there is none. ``~rank``: 1 is the smallest
    group that is not below k."""
    size = exp.column("~n", quoted=True)
    below = exp.LT(this=size, expression=exp.Literal.number(k))
    small = exp.Sum(this=exp.Case(ifs=[exp.If(this=below, true=copied(size))]))
    last = exp.Case(ifs=[exp.If(this=copied(below), true=exp.Literal.number(1))], default=exp.Literal.number(0))
    order = [last, copied(size), *(exp.column(f"~g{index}", quoted=True) for index in range(keys))]
    by = exp.Order(expressions=[exp.Ordered(this=part, nulls_first=False) for part in order])
    rank = exp.Window(this=exp.RowNumber(), order=by)
    return [_as(exp.Window(this=small), "~small"), _as(rank, "~rank")]


def _kept(rule: MinimumGroup, product: Product) -> exp.Expression:
    size, small = exp.column("~n", table="g", quoted=True), exp.column("~small", table="g", quoted=True)
    enough: exp.Expression = exp.Is(this=small, expression=exp.Null())
    if _one_row_each(rule, product):
        # Each entity is in one group, so the groups' sizes add up.
        enough = exp.Or(this=enough, expression=exp.GTE(this=copied(small), expression=exp.Literal.number(rule.k)))
    not_next = exp.GT(this=exp.column("~rank", table="g", quoted=True), expression=exp.Literal.number(1))
    return exp.And(
        this=exp.GTE(this=size, expression=exp.Literal.number(rule.k)),
        expression=exp.Paren(this=exp.Or(this=enough, expression=not_next)),
    )


class _Lifted:
    """HAVING and ORDER BY spelt over the groups: aggregates and keys become columns of the grouped sub-select."""

    def __init__(self, keys: list[exp.Expression]) -> None:
        self._keys = keys
        self.items: list[tuple[exp.Expression, str]] = []

    def lift(self, expression: exp.Expression) -> exp.Expression:
        return copied(expression).transform(self._spell)

    def _spell(self, node: exp.Expression) -> exp.Expression:
        if node in self._keys:
            return exp.column(f"~g{self._keys.index(node)}", table="g", quoted=True)
        if isinstance(node, _AGGREGATES) or (isinstance(node, exp.Anonymous) and node.name in _LOGICAL_AGGREGATES):
            name = f"~h{len(self.items)}"
            self.items.append((copied(node), name))
            return exp.column(name, table="g", quoted=True)
        return node


def _as(value: exp.Expression, name: str) -> exp.Alias:
    return exp.Alias(this=value, alias=_name(name))


def _name(text: str) -> exp.Identifier:
    return exp.to_identifier(text, quoted=True)
