"""Govern a statement: replace each of its relations by what this caller may see of it, and guard what could tell more.

1. Refuse a tree that is not of the form (`form`).
2. Decide each product for this caller; one that gives nothing answers as if it did not exist.
3. Guard expressions that may raise (`guards`), while relations are still names.
4. Swap each table for its governed relation; apply the minimum group (`group`).
5. Walk the result again (`policies.verify`).

Does not promise: that the statement is cheap (limits), or that the source is up (run).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.decide import TableDecision
from policies.decided import Decided, unknown
from policies.govern import GuardTuple
from policies.privacy import strongest, suppress
from policies.relation import governed_relation, needed_columns
from policies.rules import PolicySet
from policies.sql.form import check_statement
from policies.sql.group import as_block, check_group
from policies.sql.guards import OK, fence, guard, may_raise
from policies.verify import mark, verify
from schema.caller import Caller
from schema.catalog import Catalog, Product
from schema.query import Slot
from schema.sql.scopes import Scope, scopes_of, tables
from schema.statement import JOIN, VIRTUAL, VIRTUAL_MARK, LogicalStatement
from schema.trees import copied, preorder

_SEAL = object()


@dataclass(frozen=True, slots=True)
class GovernedStatement:
    """A statement every relation of which is governed. Only the gate can make one.

    ``relations`` are the governed sub-selects by alias, with their product; virtual tables stay as they were.
    ``decisions`` by product id.
    """

    logical: LogicalStatement
    tree: exp.Query
    relations: Mapping[str, str]
    slots: Mapping[str, Slot]
    decisions: Mapping[str, TableDecision]
    entitlements: frozenset[str]
    seal: object

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("only policies.sql.govern makes a GovernedStatement")


def govern_statement(
    statement: LogicalStatement, caller: Caller, guards: GuardTuple, policies: PolicySet, catalog: Catalog
) -> GovernedStatement:
    """The gate. Raises `Refusal` CH205 for a product or column the caller may not know, CH450 for a tree outside the
    allowed form, CH451 where the minimum group does not allow the question."""
    tree = copied(statement.tree)
    scopes = scopes_of(tree)
    check_statement(statement, scopes_of(statement.tree))
    gate = _Gate(Decided(caller.zone, dict(guards.products), policies, catalog), catalog)
    found = {table.alias: _Named(table, gate.product(table), _columns(scopes, table)) for table in _products(scopes)}
    for named in found.values():
        gate.decide(named)
    raising = may_raise(scopes)
    fenced = frozenset(alias for alias, named in found.items() if raising and gate.leaks_inside(named))
    shown = frozenset(alias for alias, named in found.items() if raising and gate.filters(named)) - fenced
    suppressed = _suppressed(found, gate, scopes)
    if raising:
        guard(scopes, shown)
    for alias, named in found.items():
        gate.replace(named, alias in shown, alias in fenced, suppressed is named)
    if suppressed is not None and isinstance(tree, exp.Select):
        block = as_block(tree, suppressed.product)
        tree = suppress(tree, block, gate.decisions[suppressed.product.id], suppressed.product)
    _settle(tree)
    verify(tree, catalog)
    slots = gate.slots(statement, tree)
    entitlements = frozenset(str(slot.path[0]) for slot in slots.values() if slot.origin == "entitlement")
    relations = {alias: named.product.id for alias, named in found.items()}
    return GovernedStatement(statement, tree, relations, slots, gate.decisions, entitlements, _SEAL)


@dataclass(frozen=True, slots=True)
class _Named:
    """A table of the statement: its node, its product, and the columns that are named of it."""

    table: exp.Table
    product: Product
    columns: frozenset[str]


def _products(scopes: list[Scope]) -> Iterator[exp.Table]:
    return (table for table, _ in tables(scopes) if table.db not in VIRTUAL)


def _columns(scopes: list[Scope], table: exp.Table) -> frozenset[str]:
    alias = table.alias
    return frozenset(column.name for scope in scopes for column in scope.columns if column.table == alias)


def _suppressed(found: Mapping[str, _Named], gate: _Gate, scopes: list[Scope]) -> _Named | None:
    """The table whose groups are suppressed, if any."""
    for named in found.values():
        decision = gate.decisions[named.product.id]
        if strongest(decision) is not None:
            return named if check_group(scopes, decision, named.product) else None
    return None


def _settle(tree: exp.Query) -> None:
    """Virtual tables get a name that is no table of any source."""
    for node in preorder(tree):
        if isinstance(node, exp.Table) and node.db in VIRTUAL:
            node.set("this", exp.to_identifier(f"{VIRTUAL_MARK}{node.db}.{node.name}", quoted=True))
            node.set("db", None)


class _Gate:
    """One run of the gate."""

    def __init__(self, relations: Decided, catalog: Catalog) -> None:
        self._decided, self._catalog = relations, catalog
        self.decisions = relations.decisions

    def product(self, table: exp.Table) -> Product:
        return self._decided.product(f"{table.db}.{table.name}")

    def decide(self, named: _Named) -> None:
        product = named.product
        decision = self._decided.decide_on(product, needed_columns(self._catalog, product, named.columns))
        for name in named.columns:
            if not name.startswith(JOIN) and decision.cells[name].visible is False:
                raise unknown(f"No column '{name}' in product '{product.id}'.")
        if not decision.visible:
            raise unknown(f"No product '{product.id}' in this zone.")

    def filters(self, named: _Named) -> bool:
        """Whether some rows are hidden."""
        return self.decisions[named.product.id].rows is not True

    def leaks_inside(self, named: _Named) -> bool:
        """Whether rows are hidden by more than a predicate over the row itself: then the relation is fenced."""
        rows = self.decisions[named.product.id].rows
        looks_elsewhere = isinstance(rows, exp.Expression) and rows.find(exp.Subquery, exp.Exists) is not None
        return named.product.view is not None or looks_elsewhere

    def replace(self, named: _Named, shows: bool, fenced: bool, suppressed: bool) -> None:
        product, decision = named.product, self.decisions[named.product.id]
        wanted = named.columns
        rule = strongest(decision)
        if suppressed and rule is not None:
            wanted |= frozenset(rule.columns)
        others = self._decided.others(wanted)
        relation = governed_relation(self._catalog, self._decided.raw(product), decision, wanted, others)
        if shows:
            self._show(relation.select)
        if fenced:
            fence(relation.select)
        subquery = relation.select.subquery(exp.to_identifier(named.table.alias, quoted=True), copy=False)
        mark(subquery, product.id)
        named.table.replace(subquery)

    @staticmethod
    def _show(select: exp.Select) -> None:
        """Beside the filter, whether it holds."""
        holds = exp.Is(this=exp.Paren(this=copied(select.args["where"].this)), expression=exp.true())
        select.append("expressions", exp.Alias(this=exp.Paren(this=holds), alias=exp.to_identifier(OK, quoted=True)))

    def slots(self, statement: LogicalStatement, tree: exp.Query) -> Mapping[str, Slot]:
        found = dict(statement.slots)
        for node in preorder(tree):
            if isinstance(node, exp.Placeholder) and node.name not in found:
                found[node.name] = self._decided.policy_slot(node.name)
        return found
