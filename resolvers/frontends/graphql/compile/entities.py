"""Entities: rows of feature views and scorings of models, by key and as what a row leads to.

A scoring's inputs are *feeds*: link columns of the parent, which the gate fills with what the caller may see of the
columns, and outputs of blocks that stand beside it for this alone, where an input comes from further away. Those are
ordinary blocks, governed like any other. An input whose way the caller may not know has no feed.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.job import Draft, Job, block, column, keys
from resolvers.frontends.graphql.given import Given, Items, Record, Value, Values
from resolvers.frontends.graphql.places import locations
from schema.catalog import Product, Relationship
from schema.errors import Refusal
from schema.graphql.definitions import OfEntity
from schema.query import Feed, Leaf, Limit, Literal_, ShapeField, Slot, Stale, Status
from schema.types import INTEGER

Path = tuple[str, ...]


def entity_field(draft: Draft, meaning: OfEntity, key: str) -> ShapeField:
    """What a row says of itself: whether it is there, as of when it holds, whether that is long ago."""
    product = draft.product
    if product.model is not None:
        return Literal_(key, product.model.version)
    view = product.features
    if view is None or meaning.word == "status" or view.event_time is None:
        return Status(key, draft.output(exp.Literal.number(1), INTEGER))
    when = product.columns[view.event_time]
    index = draft.output(column(draft.alias, when.name), when.type)
    if meaning.word == "asOf" or view.ttl is None:
        return Leaf(key, index)
    return Stale(key, index, when.type, view.ttl)


def follow(job: Job, parent: Draft, way: Relationship, child: Draft) -> None:
    """Add a child that has its outputs as the one row that a way leads to from its parent's rows."""
    if way.calls:
        child.feeds = _feeds(job, parent, way, child.product)
    select = child.select()
    if not job.catalog.keyed(child.product.id):
        order = (exp.Ordered(this=part, desc=False, nulls_first=False) for part in keys(child.product, child.alias))
        select = select.order_by(*order, copy=False)
    parent.children.append(block(child, select, relationship=way.id, one=True))


def _feeds(job: Job, parent: Draft, way: Relationship, target: Product) -> tuple[Feed, ...]:
    """Where each input of a model comes from. Inputs over the same relationships share one block."""
    pairs = {there: index for index, (_, there) in enumerate(way.pairs)}
    further = {there: path for path, there in way.paths if _may_know(job, parent.product, path)}
    starts: dict[Path, dict[str, int]] = {}
    for path in further.values():
        starts.setdefault(path[:-1], {})[path[-1]] = 0
    chains = {path: _beside(job, parent, path, wanted) for path, wanted in starts.items()}
    model = target.model
    return tuple(
        Feed(pair=pairs[name])
        if name in pairs
        else Feed(path=chains[further[name][:-1]], output=starts[further[name][:-1]][further[name][-1]])
        if name in further
        else Feed()
        for name in (model.inputs if model is not None else ())
    )


def _beside(job: Job, parent: Draft, path: Path, wanted: dict[str, int]) -> Path:
    """Blocks along relationships that lead to the columns in ``wanted``, which learns their outputs."""
    way = parent.product.relationships[path[0]]
    child = job.draft(job.catalog.products[way.target])
    names: Path = ()
    if len(path) > 1:
        names = _beside(job, child, path[1:], wanted)
    else:
        for name in wanted:
            wanted[name] = child.output(column(child.alias, name), child.product.columns[name].type)
    follow(job, parent, way, child)
    return (child.name, *names)


def _may_know(job: Job, product: Product, path: Path) -> bool:
    for name in path[:-1]:
        scope = job.view.vocabulary.scope(product)
        way = next((way for way in scope.relationships if way.name == name), None) if scope is not None else None
        if way is None:
            return False
        product = job.catalog.products[way.target]
    scope = job.view.vocabulary.scope(product)
    return scope is not None and any(found.name == path[-1] for found in scope.columns)


def asked_keys(job: Job, product: Product, value: Given | None, node: FieldNode) -> tuple[exp.Placeholder, ...]:
    """One bind for each part of the key: the values of all keys asked for, in their order."""
    if isinstance(value, Values) and value.path is not None:
        path = value.path
        binds = tuple(
            job.slot(Slot("", of.type, "variable", many=True, path=(*path, "*", of.field)))
            for of in (product.columns[name] for name in product.key)
        )
        job.limits.append(Limit(binds[0].name, job.zone.max_page_size))
        return binds
    records = _records(value)
    if len(records) > job.zone.max_page_size:
        sentence = f"A list of keys holds at most {job.zone.max_page_size}."
        raise Refusal("CH603", sentence, "Ask for fewer at once.", locations=locations(node))
    return tuple(_column_of(job, product, name, records) for name in product.key)


def _records(value: Given | None) -> list[Mapping[str, Given]]:
    """The keys as they were written."""
    if isinstance(value, Values):
        return [{name: Value(part) for name, part in item.items()} for item in value.values if isinstance(item, dict)]
    items = value.items if isinstance(value, Items) else ()
    return [item.fields for item in items if isinstance(item, Record)]


def _column_of(job: Job, product: Product, name: str, records: list[Mapping[str, Given]]) -> exp.Placeholder:
    of = product.columns[name]
    parts: list[Slot] = []
    for record in records:
        given = record.get(of.field)
        bind = job.bind(of.type, given if isinstance(given, Value) else Value(None))
        parts.append(job.slots.pop(bind.name))
    return job.slot(Slot("", of.type, "list", many=True, value=tuple(parts)))
