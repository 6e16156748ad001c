"""Groups: `flightsGroups` as one GROUP BY with conditions, order and figures."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.figures import count, figure, figure_field
from resolvers.frontends.graphql.compile.filters import combined, compared, filtered
from resolvers.frontends.graphql.compile.job import Draft, Job, call, column, where_all
from resolvers.frontends.graphql.compile.order import Term, directed, single
from resolvers.frontends.graphql.compile.page import limited, page
from resolvers.frontends.graphql.given import Given, Items, Null, Record, Value
from resolvers.frontends.graphql.places import locations
from schema.catalog import Column, Product
from schema.errors import Refusal
from schema.graphql.definitions import OfColumn
from schema.graphql.inputs import truncatable
from schema.query import Block, Leaf, Literal_, Many, Nest, ShapeField
from schema.trees import copied
from schema.types import BIGINT


@dataclass(frozen=True, slots=True)
class Key:
    """A column that rows are grouped by, and its value, perhaps truncated."""

    column: Column
    value: exp.Expr


def groups(job: Job, product: Product, parent: str, key: str, nodes: tuple[FieldNode, ...]) -> tuple[ShapeField, Block]:
    """A groups root: its shape and its block."""
    node, draft = nodes[0], job.draft(product)
    arguments = job.arguments(parent, node)
    by = _keys(job, draft, arguments.get("by"), node)
    condition = filtered(job, product, draft.alias, arguments.get("where"))
    fields = _fields(job, draft, by, nodes)
    having = _having(job, draft, arguments.get("having"))
    order = _order(job, draft, by, arguments.get("orderBy"), node)
    select = draft.select().where(condition, copy=False)
    select = select.group_by(*(copied(item.value) for item in by.values()), copy=False)
    if having is not None:
        select.set("having", exp.Having(this=having))
    select = select.order_by(*(term.ordered() for term in order), copy=False)
    select = limited(job, select, page(job.zone, arguments, node), probe=False)
    return Many(key, draft.name, fields), Block(draft.name, product.id, select, draft.outputs())


def _keys(job: Job, draft: Draft, value: Given | None, node: FieldNode) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for item in value.items if isinstance(value, Items) else ():
        given = item.fields if isinstance(item, Record) else {}
        chosen, unit = given.get("column"), given.get("truncate")
        if not isinstance(chosen, Value):
            raise TypeError("an item of 'by' without a column")
        meaning = job.view.field(f"{draft.product.type_name}Column", str(chosen.value)).meaning
        if not isinstance(meaning, OfColumn):
            raise TypeError("an item of 'by' that is no column")
        name = meaning.column.name
        if name in found:
            raise _refusal(f"'by' names {chosen.value} twice.", "Group by every column once.", node)
        found[name] = Key(meaning.column, _truncated(draft, meaning.column, unit, node))
    if not found:
        raise _refusal("'by' names no column.", "Name at least one, or ask for the aggregate.", node)
    return found


def _truncated(draft: Draft, of: Column, unit: Given | None, node: FieldNode) -> exp.Expr:
    value = column(draft.alias, of.name)
    if not isinstance(unit, Value):
        return value
    allowed = truncatable(of.type.kind)
    if unit.value not in allowed:
        hint = f"Use one of {', '.join(allowed)}." if allowed else "Leave truncate out."
        raise _refusal(f"A {of.type} cannot be truncated to {unit.value}.", hint, node)
    return call("CH_TRUNCATE", exp.Literal.string(str(unit.value).lower()), value)


def _fields(job: Job, draft: Draft, by: dict[str, Key], nodes: tuple[FieldNode, ...]) -> tuple[ShapeField, ...]:
    type_ = f"{draft.product.type_name}Group"
    shape: list[ShapeField] = []
    for key, fields in job.collector.fields(nodes, frozenset({type_})).items():
        name = fields[0].name.value
        if name == "__typename":
            shape.append(Literal_(key, type_))
        elif name == "key":
            shape.append(_key_fields(job, draft, by, key, fields))
        else:
            shape.append(figure_field(job, draft, type_, key, fields))
    return tuple(shape)


def _key_fields(job: Job, draft: Draft, by: dict[str, Key], key: str, nodes: tuple[FieldNode, ...]) -> Nest:
    type_ = f"{draft.product.type_name}GroupKey"
    inner: list[ShapeField] = []
    for name, fields in job.collector.fields(nodes, frozenset({type_})).items():
        if fields[0].name.value == "__typename":
            inner.append(Literal_(name, type_))
            continue
        meaning = job.field(type_, fields[0]).meaning
        if isinstance(meaning, OfColumn):
            found = _grouped(by, meaning.column, fields[0])
            inner.append(Leaf(name, draft.output(found.value, found.column.type)))
    return Nest(key, tuple(inner))


def _grouped(by: dict[str, Key], of: Column, node: FieldNode) -> Key:
    if of.name not in by:
        raise _refusal(f"Rows are not grouped by '{of.field}'.", "Add it to 'by', or do not ask for it.", node)
    return by[of.name]


def _order(job: Job, draft: Draft, by: dict[str, Key], value: Given | None, node: FieldNode) -> list[Term]:
    """What was asked for, then all keys, so that the order is total."""
    terms: list[Term] = []
    for item in value.items if isinstance(value, Items) else ():
        word, inner = single(item, "orderBy")
        if isinstance(inner, Value):
            terms.append(directed(count(), BIGINT, str(inner.value)))
            continue
        name, direction = single(inner, f"orderBy.{word}")
        parent = job.view.field(f"{draft.product.type_name}GroupOrderBy", word).type.leaf
        meaning = job.view.field(parent, name).meaning
        if not isinstance(meaning, OfColumn) or not isinstance(direction, Value):
            raise TypeError(f"no such order: {word}")
        if word == "key":
            ordered = copied(_grouped(by, meaning.column, node).value)
        else:
            ordered = figure(word, draft.alias, meaning.column)[0]
        terms.append(directed(ordered, meaning.column.type, str(direction.value)))
    ordered_by = [term.value for term in terms]
    rest = [item for item in by.values() if item.value not in ordered_by]
    return [*terms, *(Term(item.value, item.column.type) for item in rest)]


def _having(job: Job, draft: Draft, value: Given | None) -> exp.Expr | None:
    if not isinstance(value, Record):
        return None
    return where_all([_condition(job, draft, name, inner) for name, inner in value.fields.items()])


def _condition(job: Job, draft: Draft, word: str, value: Given) -> exp.Expr | None:
    if isinstance(value, Null):
        raise Refusal("CH109", f"'{word}' in a filter cannot be null.", "Leave it out.")
    type_ = f"{draft.product.type_name}Having"
    if word in ("and", "or", "not"):
        return combined(word, value, lambda inner: _having(job, draft, inner))
    if word == "count":
        return compared(job, count(), BIGINT, value)
    inner_type = job.view.field(type_, word).type.leaf
    conditions: list[exp.Expr | None] = []
    for name, inner in value.fields.items() if isinstance(value, Record) else ():
        meaning = job.view.field(inner_type, name).meaning
        if isinstance(meaning, OfColumn):
            figured, figure_type = figure(word, draft.alias, meaning.column)
            counted = BIGINT if word == "countDistinct" else figure_type
            conditions.append(compared(job, figured, counted, inner))
    return where_all(conditions)


def _refusal(message: str, hint: str, node: FieldNode) -> Refusal:
    return Refusal("CH111", message, hint, locations=locations(node))
