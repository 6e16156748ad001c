"""Plan lookups: which columns to ask of a source that answers by key, where the keys come from, what a row must show.

A row may be reached over a relationship only where the governed relation would have let it (`policies.relation`): where
the key is clear on the row, or, over keys that may meet masked, visible. That a mask left a value as it is does not
count: it would tell which of the values behind the mask it was.
"""

from __future__ import annotations

from sqlglot import exp

from policies.decide import TableDecision
from policies.govern import GovernedQuery
from policies.relation import meets_masked
from resolvers.steps import Lookup, Part
from schema.catalog import Catalog, Product
from schema.query import Block, blocks_of


class Looking:
    """Plans the lookups of one query."""

    def __init__(self, query: GovernedQuery, catalog: Catalog) -> None:
        self._query, self._catalog = query, catalog
        roots = (*query.blocks, *(gathering.block for gathering in query.gatherings))
        self._blocks = {block.name: block for block in blocks_of(roots)}
        self._columns = self._wanted()

    def lookup(self, block: Block, parent: Block | None, beside: frozenset[str]) -> Lookup:
        """The lookup of a block below its parent, or of a root."""
        product = self._catalog.products[block.product]
        if parent is None:
            keys = tuple(self._query.slots[name] for name in block.keys)
            return self._lookup(block, product, keys=keys, alike=(True,) * len(keys) if product.model is None else ())
        if block.feeds:
            parts = tuple(self._feed(block, index) for index in range(len(block.feeds)))
            first = (feed.path[0] for feed in block.feeds if feed.path)
            needs = frozenset(self._cut(name, beside) for name in first) - {""}
            return self._lookup(block, product, parts=parts, parent=parent.name, needs=needs)
        way = self._catalog.relationship(block.relationship or "")
        place = {there: index for index, (_, there) in enumerate(way.pairs)}
        here = self._query.decisions[way.owner].cells
        there = self._query.decisions[way.target].cells
        by_key = {far: near for near, far in way.pairs}
        return self._lookup(
            block,
            product,
            parts=tuple(Part(place[name], product.columns[name].type) for name in product.key),
            alike=tuple(not meets_masked(way, here[by_key[name]], there[name]) for name in product.key),
            parent=parent.name,
        )

    def _lookup(
        self,
        block: Block,
        product: Product,
        *,
        parts: tuple[Part | None, ...] = (),
        alike: tuple[bool, ...] = (),
        parent: str | None = None,
        keys: tuple[object, ...] = (),
        needs: frozenset[str] = frozenset(),
    ) -> Lookup:
        nullable = product.model.nullable if product.model is not None else frozenset()
        return Lookup(
            source=product.source,
            block=block,
            product=product.id,
            columns=self._columns[product.id],
            outputs=tuple(_column(item.this) for item in block.select.expressions),
            parts=parts,
            given=tuple(name not in nullable for name in product.key),
            alike=alike,
            parent=parent,
            keys=keys,  # type: ignore[arg-type]
            needs=needs,
        )

    def _feed(self, block: Block, index: int) -> Part | None:
        feed, way = block.feeds[index], self._catalog.relationship(block.relationship or "")
        if feed.pair is not None:
            owner = self._catalog.products[way.owner]
            return Part(feed.pair, owner.columns[way.pairs[feed.pair][0]].type)
        if not feed.path:
            return None
        return Part(feed.output, self._blocks[feed.path[-1]].outputs[feed.output].type, feed.path)

    def _cut(self, name: str, beside: frozenset[str]) -> str:
        """The step that brings a block or what stands below it: itself, or the first cut inside it."""
        if name in beside:
            return name
        below = (self._cut(child.name, beside) for child in self._blocks[name].children)
        return next((found for found in below if found), "")

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        """By product, every column that any of its blocks needs: a row that one lookup brought serves the others."""
        found: dict[str, set[str]] = {}
        for block in self._blocks.values():
            if self._catalog.keyed(block.product):
                product = self._catalog.products[block.product]
                columns = found.setdefault(product.id, always(product))
                columns |= {name for item in block.select.expressions if (name := _column(item.this)) is not None}
        decisions = self._query.decisions
        return {id_: tuple(sorted(names | deciding(decisions[id_]))) for id_, names in found.items()}


def deciding(decision: TableDecision) -> frozenset[str]:
    """The columns of a product that rules look at, for one caller."""
    formulas = [decision.rows]
    for cell in decision.cells.values():
        formulas += [cell.visible, cell.clear, *(reveal for reveal, _ in cell.masks)]
    return frozenset(
        column.name
        for formula in formulas
        if isinstance(formula, exp.Expression)
        for column in formula.find_all(exp.Column)
        if not column.table
    )


def always(product: Product) -> set[str]:
    """What is asked of a row whoever asks: its key; and all of it where it may be kept, for those who ask for more."""
    if product.model is not None:
        return set(product.model.outputs)
    return set(product.columns) if product.cache else set(product.key)


def _column(item: exp.Expression) -> str | None:
    """The column of an output; None for a constant."""
    if isinstance(item, exp.Column):
        return item.name
    if isinstance(item, exp.Literal):
        return None
    raise TypeError(f"{type(item).__name__} is no output of what is found by key")
