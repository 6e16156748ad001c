"""Gathering: filters and orders by what another source knows, as questions that are asked before.

A filter through a relationship to another source becomes a list of link values to compare to. Where the other source
speaks SQL, it gives those of its rows that match. One that answers by key alone cannot be searched: the rows that the
rest of the filter leaves are looked at instead, at most `max_candidates` of them, and those that match are named by
their links, or by their identity where a model's inputs come from further away. Either way the question itself then
runs as any other: pages, cursors, totals and groups stay exact.

Rows that the rest of the filter leaves out fail the whole filter whatever is bound, so they need not be looked at. Of a
``not`` only what stands outside it counts as the rest: a row for which something beside it inside is unknown does not
fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from resolvers.frontends.graphql.compile.entities import follow
from resolvers.frontends.graphql.compile.job import Draft, Job, block, call, column, identity, text_of, token, where_all
from resolvers.frontends.graphql.given import Given, Items, Record
from schema.catalog import Product, Relationship
from schema.graphql.definitions import OfPart, OfRelated
from schema.query import Block, Gathering
from schema.types import STRING, Type

if TYPE_CHECKING:
    from resolvers.frontends.graphql.compile.filters import Condition

Filter = Callable[[Job, Product, str, "Given | None"], "Condition"]


def linked(job: Job, product: Product, alias: str, way: Relationship, inner: Callable[[str], Condition]) -> exp.Expr:
    """Rows with a related row in another source that speaks SQL; ``inner`` is the condition over its alias."""
    draft = job.draft(job.catalog.products[way.target])
    condition = inner(draft.alias)
    select = draft.select().where(condition, copy=False)
    name = f"g{draft.name}"
    job.gatherings.append(Gathering(name, "links", block(draft, select, relationship=way.id)))
    return _member(job, product, alias, way, name)


def matched(
    job: Job,
    product: Product,
    alias: str,
    way: Relationship,
    value: Record,
    around: tuple[Record, ...],
    filter_: Filter,
) -> exp.Expr:
    """Rows that lead to a feature view's row or a scoring that matches. ``around`` are other filters on these rows."""
    parent = _candidates(job, product, around, filter_)
    child = job.draft(job.catalog.products[way.target])
    condition = filter_(job, child.product, child.alias, value)
    columns = sorted({node.name for node in condition.find_all(exp.Column)}) if condition is not None else []
    outputs = tuple(
        (name, child.output(column(child.alias, name), child.product.columns[name].type)) for name in columns
    )
    identified = way.calls
    if identified:
        parent.draft.output(identity(product, parent.draft.alias), STRING)
    follow(job, parent.draft, way, child)
    name = f"g{parent.draft.name}"
    job.gatherings.append(
        Gathering(name, "matches", parent.block(), child.name, condition, outputs, identified=identified)
    )
    if not identified:
        return _member(job, product, alias, way, name)
    return _holds(call("CH_IN", identity(product, alias), job.gathered(name, "members", STRING)))


def bound(
    job: Job, product: Product, alias: str, way: Relationship, wanted: str, where: Record | None, filter_: Filter
) -> tuple[exp.Expr, Type]:
    """The value of a feature or score, for each of the rows that a filter leaves, to order by."""
    parent = _candidates(job, product, () if where is None else (where,), filter_)
    child = job.draft(job.catalog.products[way.target])
    type_ = child.product.columns[wanted].type
    output = child.output(column(child.alias, wanted), type_)
    parent.draft.output(identity(product, parent.draft.alias), STRING)
    follow(job, parent.draft, way, child)
    name = f"g{parent.draft.name}"
    job.gatherings.append(Gathering(name, "values", parent.block(), child.name, output=output, identified=True))
    listed = (job.gathered(name, "keys", STRING), job.gathered(name, "values", type_))
    return call("CH_BOUND", identity(product, alias), *listed), type_


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The rows to look at: a draft, and the condition that they fulfil."""

    draft: Draft
    condition: Condition

    def block(self) -> Block:
        return block(self.draft, self.draft.select().where(self.condition, copy=False))


def _candidates(job: Job, product: Product, around: tuple[Record, ...], filter_: Filter) -> _Candidates:
    draft = job.draft(product)
    kept = [_plain(job, product, record) for record in around]
    conditions = [filter_(job, product, draft.alias, record) for record in kept if record is not None]
    return _Candidates(draft, where_all(conditions))


def _plain(job: Job, product: Product, record: Record) -> Record | None:
    """A filter without whatever asks a source that cannot be searched: it leaves more rows, never fewer."""
    fields: dict[str, Given] = {}
    for name, value in record.fields.items():
        meaning = job.view.field(f"{product.type_name}Where", name).meaning
        if isinstance(meaning, OfPart) and meaning.word == "and" and isinstance(value, Items):
            items = [_plain(job, product, item) for item in value.items if isinstance(item, Record)]
            fields[name] = Items(tuple(item for item in items if item is not None))
        elif not _looks_up(job, product, name, value):
            fields[name] = value
    return Record(fields) if fields else None


def _looks_up(job: Job, product: Product, name: str, value: Given) -> bool:
    meaning = job.view.field(f"{product.type_name}Where", name).meaning
    if isinstance(meaning, OfRelated):
        target = meaning.target
        if job.catalog.keyed(target.id):
            return True
        records = _records(value) if meaning.form == "one" else [r for v in _values(value) for r in _records(v)]
        return any(_looks_up(job, target, key, inner) for record in records for key, inner in record.fields.items())
    if isinstance(meaning, OfPart):
        records = _records(value)
        return any(_looks_up(job, product, key, inner) for record in records for key, inner in record.fields.items())
    return False


def _values(value: Given) -> list[Given]:
    return list(value.fields.values()) if isinstance(value, Record) else []


def _records(value: Given) -> list[Record]:
    if isinstance(value, Record):
        return [value]
    return [item for item in value.items if isinstance(item, Record)] if isinstance(value, Items) else []


def _member(job: Job, product: Product, alias: str, way: Relationship, name: str) -> exp.Expr:
    """The links of a row are among those that were gathered."""
    links = [column(alias, f"~{way.id}.{index}") for index in range(len(way.pairs))]
    if len(links) == 1:
        type_ = job.catalog.products[way.target].columns[way.pairs[0][1]].type
        return _holds(call("CH_IN", links[0], job.gathered(name, "members", type_, way.id)))
    texts = [text_of(link, product.columns[here].type) for link, (here, _) in zip(links, way.pairs, strict=True)]
    return _holds(call("CH_IN", token(*texts), job.gathered(name, "members", STRING, way.id)))


def _holds(condition: exp.Expr) -> exp.Expr:
    """True or false, never unknown, so that it can be negated."""
    yes = exp.If(this=condition, true=exp.Literal.number(1))
    return exp.EQ(this=exp.Case(ifs=[yes], default=exp.Literal.number(0)), expression=exp.Literal.number(1))
