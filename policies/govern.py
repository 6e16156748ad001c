"""Govern: replace each relation in a query by what this caller may see of it. The only place that decides access.

1. Refuse any select that is not of the form a front end may write (`policies.allow`).
2. Decide each product for this caller (`policies.decide`); one that gives nothing answers as if it did not exist.
3. Swap each table node for SELECT <governed cells> FROM <product> WHERE <visible rows> (`policies.relation`).
4. Apply the minimum group (`policies.privacy`).
5. Walk the result again (`policies.verify`): a table we did not put there is a bug or an attack, so refuse either way.

Does not promise: that the query is cheap (limits), or that the source is up (run).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from policies.allow import check_block, check_gathered
from policies.condition import Bits, Moment
from policies.decide import Guards, TableDecision
from policies.decided import Decided, localized, unknown
from policies.lookup import behind
from policies.privacy import refused, strongest, suppress
from policies.relation import (
    FAR,
    KEY,
    governed_relation,
    identity_types,
    link_columns,
    needed_columns,
)
from policies.rowwise import Facts, See, compile_seen
from policies.rules import PolicySet, ProductRules
from policies.verify import mark, verify
from schema.caller import Caller
from schema.catalog import Catalog
from schema.query import Block, Gathering, LogicalQuery, Slot, blocks_of
from schema.trees import copied, preorder
from schema.types import Type

_SEAL = object()


@dataclass(frozen=True, slots=True)
class GovernedQuery:
    """A query every relation of which is governed. Only the gate can make one.

    ``decisions`` by product id, for explain, audit and dictionary. ``entitlements`` must be resolved before it runs.
    """

    logical: LogicalQuery
    blocks: tuple[Block, ...]
    gatherings: tuple[Gathering, ...]
    slots: Mapping[str, Slot]
    decisions: Mapping[str, TableDecision]
    entitlements: frozenset[str]
    seal: object

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("only policies.govern makes a GovernedQuery")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What row functions need besides papers: the zone's mask keys, and the resolved entitlements."""

    keys: Mapping[str, bytes]
    entitlements: Mapping[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class GuardTuple:
    """A caller's guards for the products of a query: with the query's digest, the key of everything built from them."""

    products: tuple[tuple[str, Guards], ...]

    def of(self, product: str) -> Guards:
        return dict(self.products)[product]


def guard(
    products: frozenset[str], caller: Caller, policies: PolicySet, evaluate: Callable[[ProductRules], tuple[Bits, ...]]
) -> GuardTuple:
    """Evaluate the guards of these products for a caller. ``evaluate`` is bound to the caller and the moment."""
    rules = policies.rules[caller.zone]
    return GuardTuple(
        tuple((product, evaluate(rules[product]) if product in rules else ()) for product in sorted(products))
    )


def govern(
    query: LogicalQuery, caller: Caller, guards: GuardTuple, policies: PolicySet, catalog: Catalog
) -> GovernedQuery:
    """The gate. Raises `Refusal` CH205 for a product or column the caller may not know, CH450 for a select outside the
    allowed form, CH451 where the minimum group does not allow the question."""
    gate = _Gate(caller.zone, query, guards, policies, catalog)
    check_gathered(query.gatherings, query.slots)
    blocks = tuple(gate.block(block) for block in query.blocks)
    gatherings = tuple(replace(gathering, block=gate.block(gathering.block)) for gathering in query.gatherings)
    everything = (*blocks, *(gathering.block for gathering in gatherings))
    for block in blocks_of(everything):
        verify(block.select, catalog)
    slots = gate.slots(query, everything)
    entitlements = frozenset(slot.path[0] for slot in slots.values() if slot.origin == "entitlement")
    return GovernedQuery(query, blocks, gatherings, slots, gate.decisions, frozenset(map(str, entitlements)), _SEAL)


def row_functions(
    columns: Mapping[str, Iterable[str]],
    caller: Caller,
    moment: Moment,
    secrets: Secrets,
    policies: PolicySet,
    catalog: Catalog,
) -> Mapping[str, See]:
    """What this caller may see of a row, by product, for these columns of products whose sources answer by key: the
    same rules as in their governed relations, as functions (`policies.rowwise`). The columns that rules look at are
    among them."""
    claims = {name: claim.type for name, claim in catalog.claims.items()}
    found: dict[str, See] = {}
    for id_, names in columns.items():
        product = catalog.products[id_]
        rules = policies.rules[caller.zone].get(id_, ProductRules(id_))
        facts = Facts(claims, secrets.entitlements, None, catalog.sources[product.source].location)
        types = {name: product.columns[name].type for name in names}
        key = product.key if product.model is None else ()
        found[id_] = compile_seen(rules, types, key, caller, moment, secrets.keys, facts)
    return found


def prerequisites(query: LogicalQuery, policies: PolicySet, catalog: Catalog) -> frozenset[str]:
    """The products whose guards the query needs: those it names, and those inside their views."""
    return needed_products(query.products, policies, catalog)


def needed_products(named: frozenset[str], policies: PolicySet, catalog: Catalog) -> frozenset[str]:
    """These products, and those inside their views."""
    found = set(named)
    waiting = list(found)
    while waiting:
        view = policies.views.get(waiting.pop())
        for table in view.find_all(exp.Table) if view is not None else ():
            name = f"{table.db}.{table.name}"
            if name not in found:
                found.add(name)
                waiting.append(name)
    return frozenset(found & catalog.products.keys())


@dataclass(frozen=True, slots=True)
class _Written:
    """What a front end's select names, before anything of the gate stands in it: its tables, by alias the columns, and
    the binds that are compared to identity columns, with the column's index."""

    tables: tuple[exp.Table, ...]
    columns: Mapping[str, frozenset[str]]
    identities: Mapping[str, tuple[tuple[str, int], ...]]


def _written(select: exp.Select) -> _Written:
    tables: list[exp.Table] = []
    columns: dict[str, set[str]] = {}
    identities: dict[str, list[tuple[str, int]]] = {}
    for node in preorder(select):
        if isinstance(node, exp.Table):
            tables.append(node)
        elif isinstance(node, exp.Column):
            columns.setdefault(node.table, set()).add(node.name)
        elif isinstance(node, exp.Binary):
            for column, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(column, exp.Column) and column.name.startswith(KEY):
                    index = int(column.name.removeprefix(KEY))
                    found = identities.setdefault(column.table, [])
                    found += [(bind.name, index) for bind in other.find_all(exp.Placeholder)]
    return _Written(
        tuple(tables),
        {alias: frozenset(names) for alias, names in columns.items()},
        {alias: tuple(found) for alias, found in identities.items()},
    )


class _Gate:
    """One run of the gate: what has been decided so far, and how."""

    def __init__(
        self, zone: str, query: LogicalQuery, guards: GuardTuple, policies: PolicySet, catalog: Catalog
    ) -> None:
        self._slots, self._catalog = query.slots, catalog
        self._decided = Decided(zone, dict(guards.products), policies, catalog)
        self.decisions = self._decided.decisions
        self._slot_types: dict[str, Type] = {}

    def block(self, block: Block) -> Block:
        """Govern a block and its children."""
        check_block(block, self._slots)
        select = copied(block.select)
        _name_far_sides(select)
        written = _written(select)
        extra = [column for child in block.children for column in self._links(child.relationship, far=False)]
        extra += self._links(block.relationship, far=True)
        root = select.args["from_"].this
        for table in written.tables:
            self._replace(select, table, written, extra if table is root else [])
        select = suppress(select, block, self.decisions[block.product], self._decided.product(block.product))
        return replace(block, select=select, children=tuple(self.block(child) for child in block.children))

    def _links(self, relationship: str | None, *, far: bool) -> list[str]:
        """A relationship's link columns on one side. What is found by key alone has none."""
        if relationship is None:
            return []
        way = self._catalog.relationship(relationship)
        return [] if far and self._catalog.keyed(way.target) else list(link_columns(way, far))

    def _replace(self, select: exp.Select, table: exp.Table, written: _Written, extra: list[str]) -> None:
        product = self._decided.product(f"{table.db}.{table.name}")
        alias = table.alias
        wanted = written.columns.get(alias, frozenset()) | frozenset(extra)
        decision = self._decided.decide_on(product, needed_columns(self._catalog, product, wanted))
        for name in wanted:
            hidden = behind(name) or ("" if name.startswith("~") else name)
            if hidden and (decision.cells[hidden].visible is False or not _may_look_up(name, decision)):
                raise unknown(f"No column '{hidden}' in product '{product.id}'.")
        if not decision.visible:
            raise unknown(f"No product '{product.id}' in this zone.")
        rule = strongest(decision)
        if rule is not None:
            if rule.aggregate_only and table is not select.args["from_"].this:
                raise refused(product, "filters other rows by its rows", decision)
            wanted |= frozenset(rule.columns)
        others = self._decided.others(wanted)
        given = self._decided.given(product, wanted)
        relation = governed_relation(
            self._catalog, self._decided.raw(product), self.decisions[product.id], wanted, others, given
        )
        subquery = relation.select.subquery(exp.to_identifier(alias, quoted=True), copy=False)
        mark(subquery, product.id)
        table.replace(subquery)
        for bind, index in written.identities.get(alias, ()):
            self._slot_types[bind] = relation.identity[index]

    def slots(self, query: LogicalQuery, blocks: tuple[Block, ...]) -> Mapping[str, Slot]:
        """Every bind that stands in the governed blocks."""
        found = dict(query.slots)
        for name, type_ in self._slot_types.items():
            found[name] = replace(found[name], type=type_)
        for node in _placeholders(blocks):
            if node.name not in found:
                found[node.name] = self._decided.policy_slot(node.name)
        return found


def _placeholders(blocks: tuple[Block, ...]) -> Iterator[exp.Placeholder]:
    for block in blocks_of(blocks):
        for node in preorder(block.select):
            if isinstance(node, exp.Placeholder):
                yield node


def _name_far_sides(select: exp.Select) -> None:
    """In ``EXISTS(SELECT 1 FROM b WHERE a."~r.0" = b."~r.0")`` the inner side is the far one."""
    for exists in [node for node in preorder(select) if isinstance(node, exp.Exists)]:
        inner = exists.this.args["from_"].this.alias
        for column in exists.this.find_all(exp.Column):
            near = column.name.startswith("~") and not column.name.startswith((KEY, FAR))
            if near and column.table == inner and column.find_ancestor(exp.Exists) is exists:
                column.set("this", exp.to_identifier(FAR + column.name[1:], quoted=True))


def _may_look_up(name: str, decision: TableDecision) -> bool:
    """Whether a look-up column is there for the caller; every other name is no look-up."""
    column = behind(name)
    return column is None or decision.cells[column].tokens is not None


__all__ = [
    "GovernedQuery",
    "GuardTuple",
    "Secrets",
    "govern",
    "guard",
    "identity_types",
    "localized",
    "needed_products",
    "prerequisites",
    "row_functions",
]
