"""Views: a steward's SELECT over products, checked by allow-list.

    SELECT f.carrier, COUNT(*) AS flights FROM operations.flights AS f LEFT JOIN operations.planes p
    ON p.tailnum = f.tailnum WHERE f.dep_delay > 15 GROUP BY f.carrier

One SELECT; FROM and JOIN .. ON over products of one source (never entitlements); WHERE; GROUP BY expressions; HAVING;
the aggregates COUNT, SUM, AVG, MIN and MAX. The result is rebuilt: tables logical (db = domain, this = product) under a
quoted alias, columns qualified by it, every item aliased with its column's name. Aggregates are spelt ``CH_SUM``,
``CH_AVG``, ``COUNT``, ``MIN``, ``MAX``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from policies.fault import Fault
from policies.predicate import reader as new_reader
from policies.predicate_names import logical_table, table_parts
from policies.predicate_read import Reader, refused
from policies.predicate_text import parse_view
from policies.predicate_types import Term, typed
from schema.catalog import Catalog, Claim, Product
from schema.errors import LoadErrors, Place
from schema.names import did_you_mean
from schema.types import BIGINT, DECIMAL, FLOAT, NUMERIC, ORDERED, Kind, Type

_KINDS = frozenset({"", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"})
_PARTS = frozenset({"expressions", "from_", "joins", "where", "group", "having"})


@dataclass(frozen=True, slots=True)
class View:
    """A checked view: its SELECT over logical names, its columns' types, and the (product, column) each is made of."""

    select: exp.Select
    types: Mapping[str, Term]
    inputs: Mapping[str, frozenset[tuple[str, str]]]
    products: frozenset[str]


@dataclass(slots=True)
class _ViewScope:
    """The tables of a view by alias. ``aggregates``: whether they may stand here."""

    tables: dict[str, Product] = field(default_factory=dict)
    aggregates: bool = False

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        *outer, name = parts
        alias = outer[-1] if outer else None
        if len(outer) > 1 or (alias is not None and alias not in self.tables):
            raise Fault(
                "CH409", f"'{'.'.join(parts)}' names no table of this view.", "Qualify columns by the table's alias."
            )
        owners = [a for a, product in self.tables.items() if (alias is None or a == alias) and name in product.columns]
        if len(owners) > 1:
            raise Fault("CH409", f"'{name}' stands in {' and '.join(owners)}.", f"Write {owners[0]}.{name}.")
        if not owners:
            known = [column for product in self.tables.values() for column in product.columns]
            raise Fault(
                "CH409", f"There is no column '{'.'.join(parts)}' in this view's products.", did_you_mean(name, known)
            )
        product = self.tables[owners[0]]
        reader.found.named.add((product.id, name))
        return typed(exp.column(name, table=owners[0], quoted=True), product.columns[name].type)

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        if len(parts) == 2 and parts[0] in ("claims", "request") and parts[0] not in self.tables:
            raise Fault("CH409", "A view may not name claims or the request.", "Put who sees what into policies.")
        return None

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        raise refused(query)

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        if not self.aggregates:
            return None
        self.aggregates = False
        try:
            return _aggregate(node, reader)
        finally:
            self.aggregates = True


def check_view(text: str, catalog: Catalog, place: Place | None = None) -> exp.Select:
    """The checked SELECT of a view. Raises `LoadErrors`."""
    try:
        return read_view(text, catalog).select
    except Fault as fault:
        raise LoadErrors([fault.at(place or Place("catalog"))]) from None


def read_view(text: str, catalog: Catalog) -> View:
    """The checked view. Raises `Fault`: CH420 for a form that is not allowed, else as for predicates."""
    tree = parse_view(text)
    extra = {name for name, value in tree.args.items() if value} - _PARTS
    if extra or tree.args.get("from_") is None:
        hint = "A view has SELECT, FROM, JOIN .. ON, WHERE, GROUP BY and HAVING."
        raise Fault("CH420", f"A view may not have {', '.join(sorted(extra)) or 'no FROM'}.", hint)
    try:
        return _read(tree, catalog)
    except RecursionError:
        raise Fault("CH406", "The view is nested too deep.") from None


def _read(tree: exp.Select, catalog: Catalog) -> View:
    scope = _ViewScope()
    select = exp.Select()
    select.set("from_", exp.From(this=_table(tree.args["from_"].this, scope, catalog)))
    for join in tree.args.get("joins") or []:
        select.append("joins", _join(join, scope, catalog))
    reader = new_reader(scope)
    if tree.args.get("where") is not None:
        select.set("where", exp.Where(this=reader.condition(tree.args["where"].this).sql))
    groups = _groups(tree, reader)
    if groups:
        select.set("group", exp.Group(expressions=groups))
    scope.aggregates = True
    types: dict[str, Term] = {}
    inputs: dict[str, frozenset[tuple[str, str]]] = {}
    for item in tree.expressions:
        name, term, named = _item(item, scope)
        if name in types:
            raise Fault("CH420", f"The view gives two columns '{name}'.", "Name one of them with AS.")
        types[name], inputs[name] = term, named
        select.append("expressions", exp.alias_(term.sql, name, quoted=True))
    if tree.args.get("having") is not None:
        select.set("having", exp.Having(this=reader.condition(tree.args["having"].this).sql))
    _check_grouped(select, groups)
    return View(select, types, inputs, frozenset(product.id for product in scope.tables.values()))


def _item(item: exp.Expression, scope: _ViewScope) -> tuple[str, Term, frozenset[tuple[str, str]]]:
    inner = item.this if type(item) is exp.Alias else item
    reader = new_reader(scope)
    name = item.alias if type(item) is exp.Alias else item.name if type(item) is exp.Column else ""
    if not name or type(inner) is exp.Star:
        raise Fault(
            "CH420", f"{item.sql(dialect='postgres')} has no name of its own.", "Name it: .. AS name; '*' is not read."
        )
    quoted = item.args["alias"].args.get("quoted") if type(item) is exp.Alias else False
    return (name if quoted else name.lower()), reader.value(inner), frozenset(reader.found.named)


def _table(table: exp.Expression, scope: _ViewScope, catalog: Catalog) -> exp.Table:
    extra = {name for name, value in table.args.items() if value} - {"this", "db", "alias"}
    if type(table) is not exp.Table or type(table.this) is not exp.Identifier or extra:
        raise Fault(
            "CH420", f"{table.sql(dialect='postgres')} is no product.", "FROM and JOIN name products: domain.product."
        )
    name = ".".join(table_parts(table))
    product = catalog.products.get(name)
    if product is None or product.entitlement:
        public = [p.id for p in catalog.products.values() if not p.entitlement]
        raise Fault("CH420", f"There is no product '{name}'.", did_you_mean(name, public))
    sources = {known.source for known in scope.tables.values()} | {product.source}
    if len(sources) > 1:
        raise Fault(
            "CH420", f"The view reads from several sources: {', '.join(sorted(sources))}.", "Keep a view in one source."
        )
    alias_node = table.args.get("alias")
    if alias_node is not None and {k for k, v in alias_node.args.items() if v} - {"this"}:
        raise Fault("CH420", "A table alias may not rename columns.")
    alias = alias_node.name if alias_node is not None else product.name
    alias = alias if alias_node is not None and alias_node.this.args.get("quoted") else alias.lower()
    if alias in scope.tables:
        raise Fault("CH420", f"Two tables of the view are called '{alias}'.", "Give each an alias of its own.")
    scope.tables[alias] = product
    return logical_table(product, alias)


def _join(join: exp.Expression, scope: _ViewScope, catalog: Catalog) -> exp.Join:
    extra = {name for name, value in join.args.items() if value} - {"this", "side", "kind", "on"}
    side, kind = (str(join.args.get(key) or "").upper() for key in ("side", "kind"))
    if extra or side not in _KINDS or kind not in _KINDS | {"OUTER"}:
        raise Fault(
            "CH420", f"This join has {', '.join(sorted(extra)) or side or kind}.", "Write JOIN or LEFT JOIN .. ON .."
        )
    table = _table(join.this, scope, catalog)
    on = join.args.get("on")
    if (on is None) is not (kind == "CROSS"):
        raise Fault("CH420", "A join needs ON.", "Write JOIN domain.product AS p ON p.key = ..")
    args = {"side": side or None, "kind": "CROSS" if kind == "CROSS" else None}
    condition = None if on is None else new_reader(scope).condition(on).sql
    return exp.Join(this=table, on=condition, **{key: value for key, value in args.items() if value})


def _groups(tree: exp.Select, reader: Reader) -> list[exp.Expression]:
    group = tree.args.get("group")
    if group is None:
        return []
    if {name for name, value in group.args.items() if value} - {"expressions"}:
        raise Fault("CH420", "GROUP BY takes plain expressions.", "Without ROLLUP, CUBE, GROUPING SETS and ALL.")
    if any(type(item) is exp.Literal for item in group.expressions):
        raise Fault("CH420", "GROUP BY takes expressions, not positions.", "Write the column's name.")
    return [reader.value(item).sql for item in group.expressions]


def _check_grouped(select: exp.Select, groups: list[exp.Expression]) -> None:
    """Where anything is aggregated, every other column is grouped: engines differ on (or refuse) the rest."""
    parts = [item.this for item in select.expressions]
    having = select.args.get("having")
    parts += [having.this] if having is not None else []
    if not groups and having is None and not any(_is_aggregate(node) for part in parts for node in part.walk()):
        return
    for part in parts:
        waiting = [part]
        while waiting:
            node = waiting.pop()
            if node in groups or _is_aggregate(node):
                continue
            if type(node) is exp.Column:
                raise Fault("CH420", f"'{node.name}' is neither grouped nor aggregated.", "Add it to GROUP BY.")
            waiting += list(node.iter_expressions())


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count | exp.Min | exp.Max) or (
        type(node) is exp.Anonymous and node.name in ("CH_SUM", "CH_AVG")
    )


def _aggregate(node: exp.Expression, reader: Reader) -> Term:
    inner = node.this
    if type(node) is exp.Count:
        if type(inner) is exp.Star:
            return Term(exp.Count(this=exp.Star(), big_int=True), BIGINT, (0, 2**63 - 1))
        distinct = type(inner) is exp.Distinct
        if distinct and (len(inner.expressions) != 1 or inner.args.get("on")):
            raise Fault("CH420", "COUNT(DISTINCT ..) takes one value.")
        value = reader.value(inner.expressions[0] if distinct else inner)
        counted = exp.Distinct(expressions=[value.sql]) if distinct else value.sql
        return Term(exp.Count(this=counted, big_int=True), BIGINT, (0, 2**63 - 1))
    value = reader.value(inner)
    if type(node) in (exp.Min, exp.Max):
        if value.type is None or value.type.kind not in ORDERED - {Kind.BOOLEAN, Kind.UUID}:
            raise Fault("CH410", f"{value.said} has no least or greatest value.")
        sql = exp.Min(this=value.sql) if type(node) is exp.Min else exp.Max(this=value.sql)
        return Term(sql, value.type, value.range)
    if value.type is None or value.type.kind not in NUMERIC:
        raise Fault("CH410", f"{value.said} is no number, so it cannot be summed.")
    total = type(node) is exp.Sum
    name = "CH_SUM" if total else "CH_AVG"
    return Term(exp.Anonymous(this=name, expressions=[value.sql]), _summed(value.type) if total else FLOAT)


def _summed(type_: Type) -> Type:
    return FLOAT if type_.kind is Kind.FLOAT else DECIMAL
