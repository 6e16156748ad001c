"""Plan: a governed query becomes the statements that answer it.

1. A tree of blocks is cut where a child cannot be built inside its parent's statement: another source, or an engine
   that builds no nested JSON. Each piece is one `Fetch`: one statement per same-source tree, else one per level, never
   one per row.
2. Inside a piece, a child is a correlated sub-select that gives its rows as JSON, joined on the link columns.
3. A piece below a cut takes its parents' link values as list binds, numbers its rows per parent (so that each parent
   has its own page), and is stitched by those values.
4. The finished statement is verified again before it is written in the engine's words.

A block's row is a list: its outputs, the link values of its cut children (`Layout.links`), then one list of rows per
child. Pure: statements are text, nothing runs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from policies.govern import GovernedQuery
from policies.relation import link_columns
from policies.verify import verify
from resolvers.backends.columns import typed_columns
from resolvers.backends.dialect import Dialect, Statement
from schema.catalog import Catalog
from schema.query import Block, Slot
from schema.types import Kind, Type


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a block's row. ``links`` are, per cut child, the positions of its link values; ``children``
    are the positions of the children's rows, by block name. ``keys`` are, below a cut, the positions of the row's own
    link values. ``empty`` is the row of an aggregate over nothing."""

    links: Mapping[str, tuple[int, ...]]
    children: Mapping[str, int]
    keys: tuple[int, ...]
    empty: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """One statement and where its rows go.

    ``tree``: each row is one JSON text; else a row of wire values. ``parent`` is the block whose rows' link values
    are bound to ``keys`` (None for a root).
    """

    source: str
    block: Block
    statement: Statement
    tree: bool
    parent: str | None = None
    keys: tuple[Slot, ...] = ()
    below: tuple[Fetch, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that needs to run for a governed query. ``layouts`` by block name."""

    query: GovernedQuery
    fetches: tuple[Fetch, ...]
    layouts: Mapping[str, Layout]


def plan(query: GovernedQuery, catalog: Catalog, dialects: Mapping[str, Dialect]) -> Plan:
    """Plan a governed query. ``dialects`` by source name."""
    planner = _Planner(query, catalog, dialects)
    fetches = tuple(planner.fetch(block, None) for block in query.blocks)
    return Plan(query, fetches, planner.layouts)


class _Planner:
    def __init__(self, query: GovernedQuery, catalog: Catalog, dialects: Mapping[str, Dialect]) -> None:
        self._catalog, self._dialects = catalog, dialects
        self._slots = dict(query.slots)
        self.layouts: dict[str, Layout] = {}

    def _source(self, block: Block) -> str:
        return self._catalog.products[block.product].source

    def fetch(self, block: Block, parent: Block | None) -> Fetch:
        """The statement for a block and whatever can stand inside it, and the fetches below its cuts."""
        source = self._source(block)
        dialect = self._dialects[source]
        keys = self._key_slots(block) if parent is not None else ()
        cut: list[tuple[Block, Block]] = []
        statement = self._root(block, dialect, keys, cut)
        verify(statement, self._catalog)
        typed = typed_columns(statement, self._catalog, dialect)
        below = tuple(self.fetch(child, above) for child, above in cut)
        return Fetch(
            source=source,
            block=block,
            statement=replace(dialect.render(typed, self._slots), document=dialect.capabilities.tree),
            tree=dialect.capabilities.tree,
            parent=parent.name if parent is not None else None,
            keys=keys,
            below=below,
        )

    def _key_slots(self, block: Block) -> tuple[Slot, ...]:
        slots = tuple(
            Slot(f"keys:{block.name}:{index}", type_, "keys", many=True)
            for index, type_ in enumerate(self._link_types(block))
        )
        self._slots.update((slot.name, slot) for slot in slots)
        return slots

    def _link_types(self, block: Block) -> tuple[Type, ...]:
        relationship = self._catalog.relationship(block.relationship or "")
        target = self._catalog.products[relationship.target]
        return tuple(target.columns[there].type for _, there in relationship.pairs)

    def _root(
        self, block: Block, dialect: Dialect, keys: tuple[Slot, ...], cut: list[tuple[Block, Block]]
    ) -> exp.Select:
        links = self._far(block) if keys else []
        items = self._items(block, dialect, links, cut)
        tree = dialect.capabilities.tree
        values = [exp.alias_(dialect.json_row(items), "j")] if tree else _named(items)
        select = block.select.copy()
        select.set("expressions", values)
        if not keys:
            return select if not block.one or block.select.args.get("limit") else select.limit(1, copy=False)
        for link, slot in zip(links, keys, strict=True):
            select = select.where(
                exp.Anonymous(this="CH_IN", expressions=[link.copy(), exp.Placeholder(this=slot.name)]), copy=False
            )
        if block.aggregate:
            return select.group_by(*(link.copy() for link in links), copy=False)
        return _paged(select, block, links, [value.alias for value in values])

    def _items(
        self, block: Block, dialect: Dialect, keys: list[exp.Column], cut: list[tuple[Block, Block]]
    ) -> list[exp.Expression]:
        """The values of a row in the order of its `Layout`."""
        items = [
            dialect.wire(item.this, output.type)
            for item, output in zip(block.select.expressions, block.outputs, strict=True)
        ]
        links: dict[str, tuple[int, ...]] = {}
        inside: list[Block] = []
        for child in block.children:
            if self._fits(child, block, dialect):
                inside.append(child)
                continue
            cut.append((child, block))
            near = self._near(child, block)
            links[child.name] = tuple(range(len(items), len(items) + len(near)))
            items += [dialect.wire(link, t) for link, t in zip(near, self._link_types(child), strict=True)]
        own = tuple(range(len(items), len(items) + len(keys)))
        items += [dialect.wire(k, t) for k, t in zip(keys, self._link_types(block), strict=True)] if keys else []
        children = {child.name: len(items) + index for index, child in enumerate(inside)}
        items += [self._inside(child, block, dialect, cut) for child in inside]
        width = len(items)
        outside = [child.name for child in block.children if child.name in links]
        children |= {name: width + index for index, name in enumerate(outside)}
        self.layouts[block.name] = Layout(links, children, own, _empty(block))
        return items

    def _fits(self, child: Block, parent: Block, dialect: Dialect) -> bool:
        return dialect.capabilities.tree and self._source(child) == self._source(parent)

    def _inside(self, child: Block, parent: Block, dialect: Dialect, cut: list[tuple[Block, Block]]) -> exp.Expression:
        """A child as a correlated sub-select: the JSON array of its rows."""
        row = dialect.json_row(self._items(child, dialect, [], cut))
        select = child.select.copy()
        for far, near in zip(self._far(child), self._near(child, parent), strict=True):
            select = select.where(exp.EQ(this=far, expression=near), copy=False)
        if child.aggregate:
            select.set("expressions", [dialect.json_row([row])])
            return select.subquery(copy=False)
        order = _ranking(child)
        select.set("expressions", [exp.alias_(row, "j"), exp.alias_(order, "n")])
        if child.one and select.args.get("limit") is None:
            select = select.limit(1, copy=False)
        alias = f"q{child.name}"
        rank: exp.Expression = exp.column("n", table=alias)
        if child.reverse:
            rank = exp.Neg(this=rank)
        rows = dialect.json_rows(exp.column("j", table=alias), rank)
        return exp.select(rows).from_(select.subquery(alias, copy=False), copy=False).subquery(copy=False)

    def _far(self, block: Block) -> list[exp.Column]:
        alias = block.select.args["from_"].this.alias
        names = link_columns(self._catalog.relationship(block.relationship or ""), far=True)
        return [exp.column(name, table=alias, quoted=True) for name in names]

    def _near(self, child: Block, parent: Block) -> list[exp.Column]:
        alias = parent.select.args["from_"].this.alias
        names = link_columns(self._catalog.relationship(child.relationship or ""), far=False)
        return [exp.column(name, table=alias, quoted=True) for name in names]


def _empty(block: Block) -> tuple[object, ...]:
    """What an aggregate over no rows gives: counts are zero, everything else (a suppressed count too) is null."""
    zero = {Kind.BIGINT: "0"}
    return tuple(
        zero.get(output.type.kind, 0) if isinstance(item.this, exp.Count) else None
        for item, output in zip(block.select.expressions, block.outputs, strict=True)
    )


def _named(items: list[exp.Expression]) -> list[exp.Expression]:
    return [exp.Alias(this=item, alias=exp.to_identifier(f"v{index}")) for index, item in enumerate(items)]


def _ranking(block: Block, partition: list[exp.Column] | None = None) -> exp.Expression:
    """The row's number in the block's order, per parent where ``partition`` says so."""
    order = block.select.args.get("order")
    by = [exp.copy() for exp in order.expressions] if order else []
    window = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=by) if by else None)
    if partition:
        window.set("partition_by", [column.copy() for column in partition])
    return window


def _paged(select: exp.Select, block: Block, links: list[exp.Column], names: list[str]) -> exp.Select:
    """Each parent's own page: rows numbered per parent, then cut."""
    limit, offset = select.args.get("limit"), select.args.get("offset")
    inner = select.select(exp.alias_(_ranking(block, links), "n"), copy=False)
    for clause in ("order", "limit", "offset"):
        inner.set(clause, None)
    number = exp.column("n", table="p")
    skipped = offset.expression if offset else exp.Literal.number(0)
    most = limit.expression if limit else (exp.Literal.number(1) if block.one else None)
    outer = exp.select(*(exp.alias_(exp.column(name, table="p"), name) for name in names))
    outer = outer.from_(inner.subquery("p", copy=False), copy=False)
    if offset:
        outer = outer.where(exp.GT(this=number.copy(), expression=skipped.copy()), copy=False)
    if most is not None:
        last = exp.Add(this=exp.Paren(this=skipped.copy()), expression=exp.Paren(this=most.copy())) if offset else most
        outer = outer.where(exp.LTE(this=number.copy(), expression=last.copy()), copy=False)
    return outer.order_by(exp.Ordered(this=exp.Neg(this=number) if block.reverse else number))
