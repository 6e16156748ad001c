"""Plan: where a governed statement runs.

- All of its tables in one source: the whole statement runs there.
- Else (`MIXED`): each piece that one source can answer by itself is pulled from there as governed rows, and the rest
  runs over these in a database of its own (`resolvers.backends.mix`). A piece is a derived table or a common table
  expression whose tables are all of one source and that names nothing outside; or a single relation, with those of the
  WHERE's conditions that name it alone and cannot raise.
- A statement without tables, or over the virtual schemas, runs there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from policies.sql.govern import GovernedStatement
from policies.sql.total import is_total
from policies.verify import verify
from resolvers.backends.columns import typed_columns
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.free import mark_free
from resolvers.statements.keyed_plan import FoundByKey, KeyedRelation, find_by_key
from resolvers.statements.narrow import LARGE, Candidate, Narrowed, narrowed
from schema.catalog import Catalog
from schema.query import Slot
from schema.sql.scopes import Scope, scopes_of
from schema.sqltype import data_type
from schema.statement import PULLED_MARK, VIRTUAL_MARK
from schema.trees import copied, preorder
from schema.types import Kind

MIXED = "~mixed"
"""What stands for a source where a statement runs over pulled rows."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """Governed rows of one source, under a name of our own; where another part holds few keys, only those."""

    name: str
    source: str
    statement: Statement
    narrowed: Narrowed | None = None


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """``source`` runs ``statement``; where it is `MIXED`, over ``pulled``, ``found`` and the ``virtual`` tables."""

    source: str
    statement: Statement
    pulled: tuple[Pulled, ...] = ()
    virtual: tuple[str, ...] = ()
    found: tuple[FoundByKey, ...] = ()


def plan_statement(
    governed: GovernedStatement, catalog: Catalog, dialects: Mapping[str, Dialect], mixing: Dialect
) -> StatementPlan:
    """``dialects`` by source; ``mixing`` is that of the database which runs over pulled rows."""
    tree = copied(governed.tree)
    virtual = tuple(sorted({node.name for node in preorder(tree) if _is_virtual(node)}))
    sources = {catalog.products[product].source for product in governed.relations.values()}
    if len(sources) == 1 and not virtual and not sources - dialects.keys():
        (source,) = sources
        return StatementPlan(source, _rendered(tree, governed, catalog, dialects[source]))
    pieces = _Pieces(governed, catalog, dialects)
    pieces.cut(tree)
    pulled = pieces.narrow(tree, mixing)
    # Features before models, which may be given them.
    keyed = sorted(pieces.keyed, key=lambda one: catalog.products[one.product].model is not None)
    later = [frozenset(one.alias for one in keyed[at:]) for at in range(len(keyed))]
    found = tuple(
        find_by_key(one, those, tree, governed, catalog, mixing) for one, those in zip(keyed, later, strict=True)
    )
    verify_mixed(tree)
    statement = _rendered(tree, governed, catalog, mixing)
    return StatementPlan(MIXED, statement, pulled, virtual, found)


def _rendered(
    tree: exp.Query, governed: GovernedStatement, catalog: Catalog, dialect: Dialect, *more: Slot
) -> Statement:
    mark_free(tree)
    if not isinstance(tree, exp.Expression):
        raise TypeError("a query is an expression")
    verify(tree, catalog)
    return dialect.render(
        typed_columns(tree, catalog, dialect), {**governed.slots, **{slot.name: slot for slot in more}}
    )


def verify_mixed(tree: exp.Query) -> None:
    """Nothing of a source is left in what runs over pulled rows."""
    for node in preorder(tree):
        if node.meta.get("governed"):
            raise RuntimeError("a relation of a source was not pulled")


def _is_virtual(node: exp.Expr) -> bool:
    return isinstance(node, exp.Table) and node.name.startswith(VIRTUAL_MARK)


class _Pieces:
    """The pieces of a statement, cut out of its tree."""

    def __init__(self, governed: GovernedStatement, catalog: Catalog, dialects: Mapping[str, Dialect]) -> None:
        self._governed, self._catalog, self._dialects = governed, catalog, dialects
        self.pulled: list[Pulled] = []
        self.keyed: list[KeyedRelation] = []
        self.large: list[Candidate] = []

    def cut(self, tree: exp.Query) -> None:
        """Cut out the largest pieces first; what they held is no longer there for the smaller ones."""
        for scope in scopes_of(tree):
            if scope.kind in ("derived", "cte") and _stands_in(scope.query, tree) and self._is_whole(scope):
                self._pull_query(scope.query)
        for scope in scopes_of(tree):
            for relation in list(scope.sources.values()):
                if isinstance(relation, exp.Subquery) and "governed" in relation.meta:
                    self._pull_relation(relation, scope)

    def _is_whole(self, scope: Scope) -> bool:
        """Whether one source can answer a query by itself: all tables there, nothing named that is outside."""
        nodes = preorder(scope.query)
        products = [str(node.meta["governed"]) for node in nodes if node.meta.get("governed")]
        free = any(isinstance(node, exp.Table) and not self._is_raw(node, scope.query) for node in nodes)
        named = {alias for inner in _below(scope) for alias in inner.sources}
        correlated = any(
            column.table and column.table not in named for inner in _below(scope) for column in inner.columns
        )
        if any(self._catalog.keyed(product) for product in products):
            return False
        one = len({self._catalog.products[product].source for product in products}) == 1
        return bool(products) and one and not free and not correlated

    @staticmethod
    def _is_raw(table: exp.Table, query: exp.Query) -> bool:
        """Whether a table stands inside a governed relation of the query."""
        node: exp.Expr | None = table
        while node is not None and node is not query:
            if node.meta.get("governed"):
                return True
            node = node.parent
        return False

    def _pull_query(self, query: exp.Query) -> None:
        source = next(
            self._catalog.products[str(node.meta["governed"])].source
            for node in preorder(query)
            if node.meta.get("governed")
        )
        names = [item.alias_or_name for item in _first(query).expressions]
        piece = copied(query)
        for item in _first(piece).expressions:
            if isinstance(item, exp.Alias):
                item.set("this", _sized(item.this))
        name = self._pull(piece, source)
        columns = [exp.alias_(exp.column(column, quoted=True), column, quoted=True) for column in dict.fromkeys(names)]
        query.replace(exp.Select(expressions=columns, from_=exp.From(this=_table(name))))

    def _pull_relation(self, relation: exp.Subquery, scope: Scope) -> None:
        product, alias = str(relation.meta["governed"]), relation.alias
        if self._catalog.keyed(product):
            name = f"{PULLED_MARK}found.{len(self.keyed)}"
            shown = tuple(item.alias for item in relation.this.expressions)
            self.keyed.append(KeyedRelation(name, product, alias, shown, scope.query))
            relation.replace(_table(name, alias))
            return
        select = exp.select("*").from_(copied(relation), copy=False)
        select.set("expressions", [self._column(item.alias, alias, product) for item in relation.this.expressions])
        for condition in self._conditions(alias, scope):
            select = select.where(copied(condition), copy=False)
        of = self._catalog.products[product]
        plain = copied(select)
        name = self._pull(select, of.source)
        relation.replace(_table(name, alias))
        if of.rows is not None and of.rows >= LARGE:
            self.large.append(Candidate(name, of, alias, scope.query, plain))

    def narrow(self, tree: exp.Query, mixing: Dialect) -> tuple[Pulled, ...]:
        """The parts, the large ones narrowed by those that are smaller."""
        waiting = sorted(self.large, key=lambda one: one.product.rows or 0)
        found = {part.name: part for part in self.pulled}
        keyed = frozenset(one.alias for one in self.keyed)
        for at, candidate in enumerate(waiting):
            later = keyed | {one.alias for one in waiting[at:]}
            made = narrowed(candidate, later, tree, self._governed, mixing)
            if made is not None:
                select, slot, keys = made
                source = candidate.product.source
                statement = _rendered(select, self._governed, self._catalog, self._dialects[source], slot)
                found[candidate.name] = replace(found[candidate.name], narrowed=Narrowed(keys, statement, slot))
        return tuple(sorted(found.values(), key=lambda part: part.narrowed is not None))

    def _column(self, name: str, alias: str, product: str) -> exp.Expr:
        """A column of a relation as it is pulled: a decimal of its own size, which not every driver tells."""
        value: exp.Expr = exp.column(name, table=alias, quoted=True)
        column = self._catalog.products[product].columns.get(name)
        if column is not None and column.type.kind is Kind.DECIMAL:
            value = exp.alias_(exp.Cast(this=value, to=data_type(column.type)), name, quoted=True)
        return value

    @staticmethod
    def _conditions(alias: str, scope: Scope) -> list[exp.Expr]:
        """What of a SELECT's WHERE names this relation alone: it holds for the rows that are joined, so also before.
        Not where a missing row may stand for the relation's."""
        query = scope.query
        where = query.args.get("where")
        if where is None or any(join.side for join in query.args.get("joins") or []):
            return []
        parts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
        found: list[exp.Expr] = []
        for part in parts:
            columns = list(part.find_all(exp.Column))
            alone = bool(columns) and all(column.table == alias for column in columns)
            if alone and is_total(part) and part.find(exp.Query) is None:
                found.append(part)
        return found

    def _pull(self, query: exp.Query, source: str) -> str:
        name = f"{PULLED_MARK}{len(self.pulled)}"
        statement = _rendered(query, self._governed, self._catalog, self._dialects[source])
        self.pulled.append(Pulled(name, source, statement))
        return name


_MEANS = (exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop, exp.PercentileCont)


def _sized(value: exp.Expr) -> exp.Expr:
    """A figure of a piece as a type that does not depend on the driver: sums of whole numbers have no size in some."""
    if value.find(*_MEANS) is not None:
        return exp.Cast(this=value, to=exp.DataType.build("DOUBLE"))
    whole = value.type is not None and value.is_type("double", "float")
    if value.find(exp.Sum) is not None and not whole:
        return exp.Cast(this=value, to=exp.DataType.build("DECIMAL(38, 9)"))
    return value


def _first(query: exp.Expr) -> exp.Expr:
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    return query


def _below(scope: Scope) -> list[Scope]:
    found = [scope]
    for inner in scope.inner:
        found += _below(inner)
    return found


def _stands_in(query: exp.Expr, tree: exp.Expr) -> bool:
    """Whether a query still stands in the statement, in no piece that was cut out."""
    node = query
    while node.parent is not None:
        node = node.parent
    return node is tree


def _table(name: str, alias: str | None = None) -> exp.Table:
    table = exp.Table(this=exp.to_identifier(name, quoted=True))
    if alias is not None:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return table
