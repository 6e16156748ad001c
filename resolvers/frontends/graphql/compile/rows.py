"""Rows: the selection of an object to outputs, child blocks and a shape; lists of rows as connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.entities import asked_keys, entity_field, follow
from resolvers.frontends.graphql.compile.figures import count, figure_field
from resolvers.frontends.graphql.compile.filters import filtered
from resolvers.frontends.graphql.compile.job import Draft, Job, block, call, column, keys, where_all
from resolvers.frontends.graphql.compile.order import Term, beyond, cursor_outputs, ordering
from resolvers.frontends.graphql.compile.page import Page, limited, page, seal
from resolvers.frontends.graphql.compile.seals import Site
from resolvers.frontends.graphql.given import Given, Value
from schema.catalog import Product
from schema.graphql.definitions import FieldDef, OfColumn, OfEntity, OfRelated, OfRow, OfStruct
from schema.graphql.scope import structs
from schema.query import (
    Block,
    ByKeys,
    Connection,
    Cursor,
    Edges,
    Leaf,
    Literal_,
    Many,
    Node,
    NodeId,
    One,
    PageInfo,
    Pick,
    ShapeField,
    Total,
)
from schema.types import INTEGER

Nodes = tuple[FieldNode, ...]
_ROWS = frozenset({"nodes", "edges", "pageInfo"})


def row_fields(job: Job, draft: Draft, nodes: Nodes) -> tuple[ShapeField, ...]:
    """The fields of a row of the draft's product."""
    type_ = draft.product.type_name
    shape: list[ShapeField] = []
    for key, fields in job.collector.fields(nodes, frozenset({type_, "Node"})).items():
        if fields[0].name.value == "__typename":
            shape.append(Literal_(key, type_))
        else:
            shape.append(_row_field(job, draft, job.field(type_, fields[0]), key, fields))
    return tuple(shape)


def _row_field(job: Job, draft: Draft, field: FieldDef, key: str, nodes: Nodes) -> ShapeField:
    meaning = field.meaning
    if isinstance(meaning, OfColumn):
        index = draft.output(column(draft.alias, meaning.column.name), meaning.column.type)
        is_struct = bool(structs("", meaning.column.type))
        return Leaf(key, index, _picks(job, field.type.leaf, nodes) if is_struct else ())
    if isinstance(meaning, OfRow):
        return NodeId(key, draft.key_outputs(), draft.product.id)
    if isinstance(meaning, OfEntity):
        return entity_field(draft, meaning, key)
    if not isinstance(meaning, OfRelated):
        raise TypeError(f"no such field of a row: {nodes[0].name.value}")
    parent, relationship = draft.product.type_name, meaning.relationship.id
    if meaning.form == "one":
        child = job.draft(meaning.target)
        fields = row_fields(job, child, nodes)
        follow(job, draft, meaning.relationship, child)
        return One(key, child.name, fields)
    if meaning.form == "aggregate":
        shape, block = aggregate(job, meaning.target, parent, key, nodes, relationship)
        draft.children.append(block)
        return shape
    connected, blocks = connection(job, meaning.target, parent, key, nodes, relationship)
    draft.children.extend(blocks)
    return connected


def _picks(job: Job, type_: str, nodes: Nodes) -> tuple[Pick, ...]:
    """The fields to take of a struct."""
    picked: list[Pick] = []
    for key, fields in job.collector.fields(nodes, frozenset({type_})).items():
        if fields[0].name.value == "__typename":
            picked.append(Pick(key, None, type_))
            continue
        field = job.field(type_, fields[0])
        if isinstance(field.meaning, OfStruct):
            inner = _picks(job, field.type.leaf, fields) if fields[0].selection_set else ()
            picked.append(Pick(key, field.meaning.name, fields=inner))
    return tuple(picked)


def aggregate(
    job: Job, product: Product, parent: str, key: str, nodes: Nodes, relationship: str | None = None
) -> tuple[ShapeField, Block]:
    """Figures over all rows that match."""
    draft = job.draft(product)
    condition = filtered(job, product, draft.alias, job.arguments(parent, nodes[0]).get("where"))
    type_ = f"{product.type_name}Aggregate"
    shape: list[ShapeField] = []
    for name, fields in job.collector.fields(nodes, frozenset({type_})).items():
        if fields[0].name.value == "__typename":
            shape.append(Literal_(name, type_))
        else:
            shape.append(figure_field(job, draft, type_, name, fields))
    if not draft.items:
        draft.output(count(), INTEGER)
    select = draft.select().where(condition, copy=False)
    return One(key, draft.name, tuple(shape)), block(draft, select, relationship=relationship, aggregate=True)


@dataclass(frozen=True, slots=True)
class _List:
    """What the parts of a connection share."""

    draft: Draft
    condition: exp.Expr | None
    terms: tuple[Term, ...]
    page: Page
    seal: str


def connection(
    job: Job, product: Product, parent: str, key: str, nodes: Nodes, relationship: str | None = None
) -> tuple[Connection, list[Block]]:
    """A list: its shape, and the blocks it needs (rows, and the total where it is asked for)."""
    arguments = job.arguments(parent, nodes[0])
    wanted = page(job.zone, arguments, nodes[0])
    type_ = f"{product.type_name}Connection"
    asked = job.collector.fields(nodes, frozenset({type_}))
    words = {fields[0].name.value for fields in asked.values()}
    rows = _list(job, product, arguments, wanted, relationship) if words & _ROWS else None
    total = job.draft(product) if "totalCount" in words else None
    shape: list[ShapeField] = []
    for name, fields in asked.items():
        word = fields[0].name.value
        if word == "totalCount" and total is not None:
            shape.append(Total(name, total.name, total.output(count(), INTEGER)))
        elif rows is not None and word in _ROWS:
            shape.append(_part(job, rows, word, name, fields))
        else:
            shape.append(Literal_(name, type_))
    blocks = [] if rows is None else [_rows(job, rows, "pageInfo" in words, relationship)]
    if total is not None:
        condition = filtered(job, product, total.alias, arguments.get("where"))
        blocks.append(
            block(total, total.select().where(condition, copy=False), relationship=relationship, aggregate=True)
        )
    return Connection(key, tuple(shape)), blocks


def _list(job: Job, product: Product, arguments: Mapping[str, Given], wanted: Page, relationship: str | None) -> _List:
    draft = job.draft(product)
    condition = filtered(job, product, draft.alias, arguments.get("where"))
    terms = ordering(job, product, draft.alias, arguments.get("orderBy"), arguments.get("where"))
    return _List(draft, condition, terms, wanted, seal(relationship or "root", product.id, terms, condition))


def _rows(job: Job, rows: _List, probe: bool, relationship: str | None) -> Block:
    wanted, terms, product = rows.page, rows.terms, rows.draft.product
    back = tuple(term.reversed() for term in terms)
    bounds = [
        beyond(job, product, side, cursor, job.seals.nulls(Site("cursor", cursor, rows.seal, len(terms))), rows.seal)
        for side, cursor in ((terms, wanted.after), (back, wanted.before))
        if cursor is not None
    ]
    select = rows.draft.select().where(where_all([rows.condition, *bounds]), copy=False)
    select = select.order_by(*(term.ordered() for term in (back if wanted.backward else terms)), copy=False)
    select = limited(job, select, wanted, probe)
    return block(rows.draft, select, relationship=relationship, probe=probe, reverse=wanted.backward)


def _part(job: Job, rows: _List, word: str, key: str, nodes: Nodes) -> ShapeField:
    if word == "nodes":
        return Many(key, rows.draft.name, row_fields(job, rows.draft, nodes))
    if word == "edges":
        return Edges(key, rows.draft.name, _edge(job, rows, nodes))
    asked = job.collector.fields(nodes, frozenset({"PageInfo"}))
    fields = tuple((name, fields[0].name.value) for name, fields in asked.items())
    cursor = Cursor("", cursor_outputs(rows.draft, rows.terms), rows.seal)
    return PageInfo(key, rows.draft.name, fields, cursor, rows.page.backward, rows.page.anchored)


def _edge(job: Job, rows: _List, nodes: Nodes) -> tuple[ShapeField, ...]:
    type_ = f"{rows.draft.product.type_name}Edge"
    shape: list[ShapeField] = []
    for key, fields in job.collector.fields(nodes, frozenset({type_})).items():
        word = fields[0].name.value
        if word == "cursor":
            shape.append(Cursor(key, cursor_outputs(rows.draft, rows.terms), rows.seal))
        elif word == "node":
            shape.append(Node(key, row_fields(job, rows.draft, fields)))
        else:
            shape.append(Literal_(key, type_))
    return tuple(shape)


def by_key(job: Job, product: Product, parent: str, key: str, nodes: Nodes) -> tuple[ShapeField, Block]:
    """One row by its key, over governed values: null unless exactly one row has it."""
    draft = job.draft(product)
    arguments = job.arguments(parent, nodes[0])
    tests: list[exp.Expr | None] = []
    binds: list[str] = []
    for name in product.key:
        of = product.columns[name]
        value = arguments[of.field]
        if isinstance(value, Value):
            bind = job.bind(of.type, value)
            binds.append(bind.name)
            tests.append(exp.EQ(this=column(draft.alias, name), expression=bind))
    return _exactly_one(job, draft, tests, key, nodes, tuple(binds))


def by_keys(job: Job, product: Product, parent: str, key: str, nodes: Nodes) -> tuple[ShapeField, Block]:
    """One row for each of a list of keys, in their order; for a model, one scoring for each of its inputs."""
    draft = job.draft(product)
    binds = asked_keys(job, product, next(iter(job.arguments(parent, nodes[0]).values()), None), nodes[0])
    match: tuple[int, ...] = ()
    if product.model is None:
        match = tuple(draft.output(column(draft.alias, name), product.columns[name].type) for name in product.key)
    fields = row_fields(job, draft, nodes)
    tests: list[exp.Expr | None] = [
        call("CH_IN", column(draft.alias, name), bind) for name, bind in zip(product.key, binds, strict=True)
    ]
    select = draft.select().where(where_all(tests), copy=False)
    listed = block(draft, select, keys=tuple(bind.name for bind in binds), match=match, listed=True)
    return ByKeys(key, draft.name, fields), listed


def by_node_id(job: Job, product: Product, value: Value, key: str, nodes: Nodes) -> tuple[ShapeField, Block]:
    """One row by its sealed identity: the product, then the parts of its key."""
    draft = job.draft(product)
    tests: list[exp.Expr | None] = [
        exp.EQ(this=identity, expression=job.sealed(product.columns[name].type, "node", value, index + 1, ""))
        for index, (identity, name) in enumerate(zip(keys(product, draft.alias), product.key, strict=True))
    ]
    return _exactly_one(job, draft, tests, key, nodes)


def _exactly_one(
    job: Job, draft: Draft, tests: list[exp.Expr | None], key: str, nodes: Nodes, binds: tuple[str, ...] = ()
) -> tuple[ShapeField, Block]:
    fields = row_fields(job, draft, nodes)
    select = draft.select().where(where_all(tests), copy=False)
    select.set("limit", exp.Limit(expression=exp.Literal.number(2)))
    return One(key, draft.name, fields), block(draft, select, one=True, exact=True, keys=binds)
