"""Figures: aggregates as logical functions, and the selections that ask for them."""

from __future__ import annotations

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.job import Draft, Job, call, column
from resolvers.frontends.graphql.given import Value
from schema.catalog import Column
from schema.graphql.definitions import OfColumn, OfPart
from schema.query import Leaf, Literal_, Nest, ShapeField
from schema.trees import copied
from schema.types import DECIMAL, FLOAT, INTEGER, Kind, Type


def count() -> exp.Expr:
    return exp.Count(this=exp.Star())


def figure(word: str, alias: str, of: Column, q: exp.Expr | None = None) -> tuple[exp.Expr, Type]:
    """An aggregate of a column, and the type of its value."""
    value = column(alias, of.name)
    match word:
        case "countDistinct":
            return exp.Count(this=exp.Distinct(expressions=[value])), INTEGER
        case "sum":
            return call("CH_SUM", value), FLOAT if of.type.kind is Kind.FLOAT else DECIMAL
        case "avg":
            return call("CH_AVG", value), FLOAT
        case "stddev":
            return call("CH_STDDEV", value), FLOAT
        case "min":
            return exp.Min(this=value), of.type
        case "max":
            return exp.Max(this=value), of.type
    if word == "percentile" and q is not None:
        return call("CH_PERCENTILE", value, q), FLOAT
    raise TypeError(f"no such figure: {word}")


def figure_field(job: Job, draft: Draft, parent: str, key: str, nodes: tuple[FieldNode, ...]) -> ShapeField:
    """One field of an aggregate or a group: a count, or figures by column."""
    node = nodes[0]
    field = job.field(parent, node)
    word = field.meaning.word if isinstance(field.meaning, OfPart) else ""
    if word == "count":
        return Leaf(key, draft.output(count(), INTEGER))
    q = job.arguments(parent, node).get("q")
    bind = job.bind(FLOAT, q) if isinstance(q, Value) else None
    type_ = field.type.leaf
    inner: list[ShapeField] = []
    for name, fields in job.collector.fields(nodes, frozenset({type_})).items():
        if fields[0].name.value == "__typename":
            inner.append(Literal_(name, type_))
            continue
        meaning = job.field(type_, fields[0]).meaning
        if isinstance(meaning, OfColumn):
            index = draft.output(*figure(word, draft.alias, meaning.column, copied(bind) if bind else None))
            inner.append(Leaf(name, index))
    return Nest(key, tuple(inner))
