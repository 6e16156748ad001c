"""The SQL of policy tests, compiled for the gate: one SELECT over one product, written by a steward.

    SELECT [DISTINCT] <items> FROM domain.product [AS p] [WHERE ..] [GROUP BY ..] [HAVING ..] [ORDER BY ..] [LIMIT n]

Items are columns, and COUNT, SUM, AVG, MIN and MAX of columns. Conditions compare them with values by ``=``, ``<>``,
``<``, ``<=``, ``>``, ``>=``, ``IN``, ``BETWEEN``, ``LIKE``, ``ILIKE`` and ``IS NULL``, joined by AND, OR and NOT.
Everything else is CH460; a name the caller may not know is CH205, as in every query. Values become binds; nothing of
the text reaches an engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from app.steward.policy_sql_terms import Term, Terms, aggregates, outside
from policies.fault import Fault
from policies.predicate_text import parse_view
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.query import Block, Leaf, LogicalQuery, Many, Output
from schema.visible import VisibleSet

BLOCK = "q"
_PARTS = frozenset({"expressions", "from_", "where", "group", "having", "order", "limit", "distinct"})


class _Free:
    """The estimate of what a steward asks in tests: no caller can, so nothing bounds it."""

    fixed = 0

    def of(self, values: Mapping[str, object]) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class PolicySqlDocument:
    """A compiled test query, in the form the engine asks of a front end's documents: it takes no variables."""

    key: str
    query: LogicalQuery

    @property
    def mark(self) -> str:
        return self.key[:16]

    @property
    def fixed(self) -> bool:
        return False

    @property
    def estimate(self) -> _Free:
        return _Free()

    def coerce(self, variables: Mapping[str, object]) -> dict[str, object]:
        return dict(variables)

    def signature(self, values: Mapping[str, object], opener: object) -> Hashable:
        return None


@dataclass(frozen=True, slots=True)
class PolicySql:
    """A front end beside GraphQL, for policy tests alone."""

    catalog: Catalog

    def known(self, text: str, name: str | None, visible: VisibleSet) -> PolicySqlDocument | None:
        """Nothing is kept: a test runs once."""
        return None

    def read(self, text: str, name: str | None, visible: VisibleSet) -> PolicySqlDocument:
        """Raises `Refusal` CH205 or CH460."""
        key = hashlib.sha256(repr((text, visible.zone, visible.digest)).encode()).hexdigest()
        return PolicySqlDocument(key, compile_test(text, key, self.catalog, visible))

    def compile(self, document: PolicySqlDocument, values: Mapping[str, object], opener: object) -> LogicalQuery:
        return document.query


def compile_test(text: str, digest: str, catalog: Catalog, visible: VisibleSet) -> LogicalQuery:
    """Compile a test query as far as the caller may know its names. Raises `Refusal` CH205 or CH460."""
    try:
        select = parse_view(text)
    except Fault as fault:
        raise outside(f"cannot be read: {fault.sentence}") from None
    extra = sorted(name.rstrip("_") for name, value in select.args.items() if value and name not in _PARTS)
    if extra:
        raise outside(f"has {', '.join(extra)}")
    product, alias = _product(select, catalog, visible)
    return _Compiler(Terms(product, alias, visible), select).query(digest)


def _product(select: exp.Select, catalog: Catalog, visible: VisibleSet) -> tuple[Product, str]:
    from_ = select.args.get("from_")
    table = from_.this if isinstance(from_, exp.From) else None
    if not isinstance(table, exp.Table) or {name for name, value in table.args.items() if value} - {
        "this",
        "db",
        "alias",
    }:
        raise outside("does not read exactly one product, written domain.product")
    id_ = f"{table.db}.{table.name}"
    if not visible.product(id_):
        raise Refusal("CH205", f"No product '{id_}' in this zone.")
    if catalog.keyed(id_):
        raise outside("reads a product that is found by key alone")
    return catalog.products[id_], table.alias_or_name


@dataclass(slots=True)
class _Compiler:
    terms: Terms
    select: exp.Select
    items: list[Term] = field(init=False)

    def __post_init__(self) -> None:
        self.items = [self.terms.value(item.unalias()) for item in self.select.expressions]

    def query(self, digest: str) -> LogicalQuery:
        keys = self._keys()
        grouped = any(map(aggregates, self.items)) or bool(keys) or self.select.args.get("having") is not None
        if grouped:
            self._check_items(keys)
        made = exp.Select(expressions=[_item(term, at) for at, term in enumerate(self.items)])
        made.set("from_", exp.From(this=self.terms.table()))
        for clause, kind in (("where", exp.Where), ("having", exp.Having)):
            if given := self.select.args.get(clause):
                made.set(clause, kind(this=self.terms.condition(given.this)))
        if keys:
            made.set("group", exp.Group(expressions=[key.copy() for key in keys]))
        if order := self.select.args.get("order"):
            made.set("order", exp.Order(expressions=[self._ordered(one) for one in order.expressions]))
        if limit := self.select.args.get("limit"):
            made.set("limit", exp.Limit(expression=_limit(limit.expression)))
        outputs = tuple(Output(f"c{at}", term.type) for at, term in enumerate(self.items))
        product = self.terms.product.id
        block = Block(BLOCK, product, made, outputs, aggregate=grouped and not keys)
        shape = Many("rows", BLOCK, tuple(Leaf(f"c{at}", at) for at in range(len(self.items))))
        return LogicalQuery(digest, (block,), (shape,), self.terms.slots, frozenset({product}))

    def _keys(self) -> list[exp.Expression]:
        """The GROUP BY expressions: those written, or every item for DISTINCT."""
        group, distinct = self.select.args.get("group"), self.select.args.get("distinct")
        if distinct is not None:
            if group is not None or any(map(aggregates, self.items)) or distinct.args.get("on"):
                raise outside("has DISTINCT beside aggregates, GROUP BY or ON")
            return [term.sql for term in self.items]
        if group is None:
            return []
        if any(value for name, value in group.args.items() if name != "expressions"):
            raise outside("has another GROUP BY than one by columns")
        return [self._referred(key).sql for key in group.expressions]

    def _check_items(self, keys: list[exp.Expression]) -> None:
        for term in self.items:
            if not aggregates(term) and term.sql not in keys:
                raise outside("selects a column that is neither in GROUP BY nor inside an aggregate")

    def _referred(self, node: exp.Expression) -> Term:
        """What ORDER BY or GROUP BY names: an item by its position or alias, or an expression."""
        if isinstance(node, exp.Literal) and not node.is_string:
            at = int(node.name) if node.name.isdigit() else 0
            if not 1 <= at <= len(self.items):
                raise outside(f"names position {node.name}, but has {len(self.items)} items")
            return self.items[at - 1]
        if isinstance(node, exp.Column) and not node.table:
            for item, term in zip(self.select.expressions, self.items, strict=True):
                if isinstance(item, exp.Alias) and item.alias == node.name:
                    return term
        return self.terms.value(node)

    def _ordered(self, node: exp.Expression) -> exp.Ordered:
        if not isinstance(node, exp.Ordered):
            raise outside("has an ORDER BY that is not understood")
        flags = {name: True for name in ("desc", "nulls_first") if node.args.get(name)}
        return exp.Ordered(this=self._referred(node.this).sql.copy(), **flags)


def _item(term: Term, at: int) -> exp.Alias:
    return exp.Alias(this=term.sql.copy(), alias=exp.to_identifier(f"c{at}", quoted=True))


def _limit(node: object) -> exp.Expression:
    if isinstance(node, exp.Literal) and node.name.isdigit():
        return exp.Literal.number(int(node.name))
    raise outside("has a LIMIT that is not a whole number")
