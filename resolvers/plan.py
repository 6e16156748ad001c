"""Plan: a governed query becomes the statements that answer it.

1. A tree of blocks is cut where a child cannot be built inside its parent's statement: another source, or an engine
   that builds no nested JSON. Each piece is one `Fetch`: one statement per same-source tree, else one per level, never
   one per row.
2. The top of a piece gives one column for each value. Inside it, a child is a correlated sub-select that gives its rows
   as JSON: as the answer shows them where they are `finished`, else as arrays of values that the gateway goes on with.
3. A long list that is finished is written by the engine as a whole: JSON costs an engine more than rows, and rows cost
   the gateway more than JSON (docs/benchmarks.md says where they meet).
4. A piece below a cut takes its parents' link values as list binds, numbers its rows per parent (so that each parent
   has its own page), and is stitched by those values.
5. The finished statement is verified again before it is written in the engine's words.

A block's row is a list: its outputs, the link values of its cut children (`Layout.links`), then one value per child.
Pure: statements are text, nothing runs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from policies.govern import GovernedQuery
from policies.relation import link_columns
from policies.verify import verify
from resolvers.backends.columns import typed_columns
from resolvers.backends.dialect import Dialect
from resolvers.finished import Fields, finished
from resolvers.lookups.plan import Looking
from resolvers.notnull import held, without_nulls
from resolvers.results.freshness import statement_freshness
from resolvers.steps import Fetch, Form, Gather, Layout, Lookup, Plan
from schema.catalog import Catalog
from schema.query import Block, Connection, Gathering, Leaf, Literal_, Many, Nest, One, ShapeField, Slot
from schema.trees import copied
from schema.types import Kind, Type

MANY = 200
"""Rows from which a list is long."""


def plan(
    query: GovernedQuery,
    catalog: Catalog,
    dialects: Mapping[str, Dialect],
    large: bool = False,
    most: int = 10_000,
) -> Plan:
    """Plan a governed query. ``dialects`` by source name. ``large``: a list whose length only the variables tell is
    long. ``most``: how many rows or links are gathered at most."""
    planner = _Planner(query, catalog, dialects, large, most)
    gathers = tuple(planner.gather(gathering) for gathering in query.gatherings)
    steps = tuple(planner.step(block, None, frozenset()) for block in query.blocks)
    return Plan(query, steps, planner.layouts, gathers)


class _Planner:
    def __init__(
        self, query: GovernedQuery, catalog: Catalog, dialects: Mapping[str, Dialect], large: bool, most: int
    ) -> None:
        self._query, self._catalog, self._dialects, self._large = query, catalog, dialects, large
        self._slots = dict(query.slots)
        self._finished = finished(query.logical.shape, query.blocks, self._fits)
        self._looking = Looking(query, catalog)
        self._most = most
        self.layouts: dict[str, Layout] = {}

    def _dialect(self, block: Block) -> Dialect:
        return self._dialects[self._catalog.products[block.product].source]

    def step(self, block: Block, parent: Block | None, beside: frozenset[str]) -> Fetch | Lookup:
        """What answers a block. ``beside`` are the blocks that are answered beside it, below the same fetch."""
        if self._catalog.keyed(block.product):
            lookup = self._looking.lookup(block, parent, beside)
            self.layouts[block.name] = Layout({}, {}, (), (None,) * len(block.outputs))
            return lookup
        return self.fetch(block, parent)

    def gather(self, gathering: Gathering) -> Gather:
        """What is asked before: the different links, or at most so many rows and what they lead to."""
        block, most = gathering.block, self._most
        select = copied(block.select)
        if not gathering.identified:
            select.set("distinct", exp.Distinct())
        select.set("limit", exp.Limit(expression=exp.Literal.number(most + 1)))
        block = replace(block, select=select)
        if gathering.kind == "links":
            return Gather(gathering, self._links(block), self._link_types(block), most)
        child = next(child for child in block.children if child.name == gathering.child)
        fetch = self.fetch(block, None)
        if gathering.kind == "matches":
            fetch = replace(fetch, below=tuple(_compared(step, child) for step in fetch.below))
        return Gather(gathering, fetch, self._near_types(child), most)

    def _links(self, block: Block) -> Fetch:
        """The link values of a block's rows, on the far side of its relationship."""
        dialect, types = self._dialect(block), self._link_types(block)
        far = zip(self._far(block), types, strict=True)
        block.select.set("expressions", _named([dialect.cell(link, type_) for link, type_ in far]))
        verify(block.select, self._catalog)
        self.layouts[block.name] = Layout({}, {}, tuple(range(len(types))))
        return self._fetch(block, dialect, block.select, "rows")

    def fetch(self, block: Block, parent: Block | None) -> Fetch:
        """The statement for a block and whatever can stand inside it, and the steps below its cuts."""
        dialect = self._dialect(block)
        keys = self._key_slots(block) if parent is not None else ()
        cut: list[tuple[Block, Block]] = []
        if parent is None and block.name in self._finished and self._is_whole(block, dialect):
            form, statement = self._whole(block, dialect)
        else:
            form, statement = "rows", self._root(block, dialect, keys, cut)
        verify(statement, self._catalog)
        beside = frozenset(child.name for child, _ in cut)
        found = self._fetch(block, dialect, statement, form)
        below = tuple(self.step(child, above, beside) for child, above in cut)
        listed = tuple(self._slots[name] for name in block.keys) if block.listed else ()
        above = parent.name if parent is not None else None
        return replace(found, parent=above, keys=keys, below=below, listed=listed)

    def _fetch(self, block: Block, dialect: Dialect, statement: exp.Expression, form: Form) -> Fetch:
        source = self._catalog.products[block.product].source
        fresh = self._freshness(statement, source)
        typed = typed_columns(statement, self._catalog, dialect)
        return Fetch(
            source=source,
            block=block,
            statement=replace(dialect.render(typed, self._slots), raw=True),
            form=form,
            parsed=self._parsed(block) if form == "rows" else (),
            freshness=fresh,
        )

    def _freshness(self, statement: exp.Expression, source: str) -> float | None:
        """As the strictest product of the whole question allows, and of whatever its policies read."""
        named = self._query.logical.products
        if not all(self._catalog.products[id_].cache for id_ in named):
            return None
        return statement_freshness(named, statement, source, self._catalog)

    def _is_whole(self, block: Block, dialect: Dialect) -> bool:
        """A long list, where the engine builds JSON; and one with lists below it, which is JSON for its greater part
        anyway."""
        if block.one or block.aggregate or not dialect.capabilities.tree:
            return False
        return self._is_long(block) or (dialect.capabilities.aggregates_rows and bool(block.children))

    def _is_long(self, block: Block) -> bool:
        size = self._size(block)
        return size > MANY if size is not None else self._large

    def _size(self, block: Block) -> int | None:
        """The most rows that a block's LIMIT allows, where the text of the query alone says it."""
        limit = block.select.args.get("limit")
        if limit is None:
            return None
        slots = [self._slots[node.name] for node in limit.find_all(exp.Placeholder)]
        if any(slot.origin != "constant" for slot in slots):
            return None
        given = sum(int(str(slot.value)) for slot in slots)
        return given + sum(int(node.name) for node in limit.find_all(exp.Literal))

    def _select(self, block: Block) -> exp.Select:
        """A copy to build on, without tests for nulls that cannot be. A page size that the query's text fixes stands in
        it as a number, so that an engine that plans before it knows the binds plans for this page."""
        select = copied(block.select)
        where = select.args.get("where")
        if where is not None:
            product = self._catalog.products[block.product]
            known = held(product, self._query.decisions[block.product])
            where.set("this", without_nulls(where.this, select.args["from_"].this.alias, known))
        if select.args.get("limit") is not None and (size := self._size(block)) is not None:
            select.set("limit", exp.Limit(expression=exp.Literal.number(size)))
        return select

    def _parsed(self, block: Block) -> tuple[int, ...]:
        layout = self.layouts[block.name]
        children = {at for name, at in layout.children.items() if name not in layout.links} - {
            layout.children[name] for name in layout.finished
        }
        linking = {at for links in layout.links.values() for at in links} | set(layout.keys)
        return tuple(sorted(children | (linking & layout.texts)))

    def _whole(self, block: Block, dialect: Dialect) -> tuple[Form, exp.Select]:
        """A long list as finished JSON."""
        items = self._object(self._finished[block.name], block, dialect)
        form: Form = "array" if dialect.capabilities.aggregates_rows else "objects"
        self.layouts[block.name] = Layout({}, {}, (), form=form)
        select = self._select(block)
        if form == "array":
            whole = dialect.json_list(select, items, f"~{block.name}", None)
            return form, whole.select(exp.alias_(exp.Count(this=exp.Star(), big_int=True), "n"), append=True)
        select.set("expressions", [exp.alias_(dialect.json_object(items), "j")])
        return form, select

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

    def _near_types(self, child: Block) -> tuple[Type, ...]:
        """The types of a child's link columns in its parent's rows: those of the other side, but for a model, whose
        inputs may be wider than what they are fed."""
        relationship = self._catalog.relationship(child.relationship or "")
        if not relationship.calls:
            return self._link_types(child)
        owner = self._catalog.products[relationship.owner]
        return tuple(owner.columns[here].type for here, _ in relationship.pairs)

    def _root(
        self, block: Block, dialect: Dialect, keys: tuple[Slot, ...], cut: list[tuple[Block, Block]]
    ) -> exp.Select:
        links = self._far(block) if keys else []
        values = _named(self._items(block, dialect, links, cut, cells=True))
        select = self._select(block)
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
        self,
        block: Block,
        dialect: Dialect,
        keys: list[exp.Column],
        cut: list[tuple[Block, Block]],
        cells: bool = False,
    ) -> list[exp.Expression]:
        """The values of a row in the order of its `Layout`: ``cells`` for columns, else for a JSON array."""
        write = dialect.cell if cells else dialect.wire
        typed: list[tuple[exp.Expression, Type]] = [
            (item.this, output.type) for item, output in zip(block.select.expressions, block.outputs, strict=True)
        ]
        links: dict[str, tuple[int, ...]] = {}
        inside: list[Block] = []
        for child in block.children:
            if self._fits(child, block):
                inside.append(child)
                continue
            cut.append((child, block))
            near = self._near(child, block)
            links[child.name] = tuple(range(len(typed), len(typed) + len(near)))
            typed += zip(near, self._near_types(child), strict=True)
        own = tuple(range(len(typed), len(typed) + len(keys)))
        typed += zip(keys, self._link_types(block), strict=True) if keys else []
        children = {child.name: len(typed) + index for index, child in enumerate(inside)}
        items = [write(value, type_) for value, type_ in typed]
        items += [self._inside(child, block, dialect, cut) for child in inside]
        width = len(items)
        outside = [child.name for child in block.children if child.name in links]
        children |= {name: width + index for index, name in enumerate(outside)}
        texts = {at for at, (_, type_) in enumerate(typed) if cells and type_.kind in dialect.capabilities.as_json}
        shown = frozenset(child.name for child in inside if child.name in self._finished)
        self.layouts[block.name] = Layout(links, children, own, _empty(block), frozenset(texts), shown, not cells)
        return items

    def _fits(self, child: Block, parent: Block) -> bool:
        if not self._same_source(child, parent) or self._catalog.keyed(child.product):
            return False
        return self._dialect(parent).capabilities.tree

    def _same_source(self, one: Block, other: Block) -> bool:
        products = self._catalog.products
        return products[one.product].source == products[other.product].source

    def _inside(self, child: Block, parent: Block, dialect: Dialect, cut: list[tuple[Block, Block]]) -> exp.Expression:
        """A child as a correlated sub-select: the JSON of its rows."""
        select = self._select(child)
        for far, near in zip(self._far(child), self._near(child, parent), strict=True):
            select = select.where(exp.EQ(this=far, expression=near), copy=False)
        if child.one and select.args.get("limit") is None:
            select = select.limit(1, copy=False)
        if child.name in self._finished:
            return self._written(child, select, dialect).subquery(copy=False)
        row = dialect.json_row(self._items(child, dialect, [], cut))
        if child.aggregate:
            select.set("limit", None)
            select.set("expressions", [dialect.json_row([row])])
            return select.subquery(copy=False)
        select.set("expressions", [exp.alias_(row, "j"), exp.alias_(_ranking(child), "n")])
        alias = f"q{child.name}"
        rank: exp.Expression = exp.column("n", table=alias)
        if child.reverse:
            rank = exp.Neg(this=rank)
        rows = dialect.json_rows(exp.column("j", table=alias), rank)
        return exp.select(rows).from_(select.subquery(alias, copy=False), copy=False).subquery(copy=False)

    def _written(self, block: Block, select: exp.Select, dialect: Dialect) -> exp.Select:
        """The rows of a finished block as the answer shows them: one object, or a list of objects."""
        items = self._object(self._finished[block.name], block, dialect)
        name = f"~{block.name}"
        if block.aggregate:
            select.set("limit", None)
        if block.one or block.aggregate:
            return dialect.json_one(select, items, name)
        return dialect.json_list(select, items, name, _ranking(block))

    def _object(self, fields: Fields, block: Block, dialect: Dialect) -> list[tuple[str, exp.Expression]]:
        return [(field.key, self._field(field, block, dialect)) for field in fields]

    def _field(self, field: ShapeField, block: Block, dialect: Dialect) -> exp.Expression:
        match field:
            case Leaf(index=index):
                return dialect.wire(block.select.expressions[index].this, block.outputs[index].type)
            case Literal_(value=value):
                return dialect.json_text(str(value))
            case Nest(fields=fields) | Connection(fields=fields):
                return dialect.json_object(self._object(fields, block, dialect))
            case One(block=name) | Many(block=name):
                child = next(child for child in block.children if child.name == name)
                return self._inside(child, block, dialect, [])
            case _:
                raise TypeError(f"not finished: {field.key}")

    def _far(self, block: Block) -> list[exp.Column]:
        alias = block.select.args["from_"].this.alias
        names = link_columns(self._catalog.relationship(block.relationship or ""), far=True)
        return [exp.column(name, table=alias, quoted=True) for name in names]

    def _near(self, child: Block, parent: Block) -> list[exp.Column]:
        alias = parent.select.args["from_"].this.alias
        names = link_columns(self._catalog.relationship(child.relationship or ""), far=False)
        return [exp.column(name, table=alias, quoted=True) for name in names]


def _compared(step: Fetch | Lookup, child: Block) -> Fetch | Lookup:
    """What brings the rows that a gathering's condition is about: nothing else looks at them."""
    return replace(step, compared=True) if isinstance(step, Lookup) and step.block.name == child.name else step


def _empty(block: Block) -> tuple[object, ...]:
    """What no rows give: of an aggregate counts are zero, everything else (a suppressed count too) is null."""
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
