"""Tokens: `bookingsDetokenize`, the value behind a token. What it may find, the gate says (`policies.lookup`)."""

from __future__ import annotations

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.job import Job, column, keys
from resolvers.frontends.graphql.compile.order import Term
from resolvers.frontends.graphql.given import Value
from schema.catalog import Product
from schema.graphql.definitions import OfColumn
from schema.query import Block, ShapeField, Total
from schema.types import STRING


def detokenize(
    job: Job, product: Product, parent: str, key: str, nodes: tuple[FieldNode, ...]
) -> tuple[ShapeField, Block]:
    """One value: null where no row has the token, for whatever reason."""
    arguments = job.arguments(parent, nodes[0])
    chosen, token = arguments["column"], arguments["token"]
    if not isinstance(chosen, Value) or not isinstance(token, Value):
        raise TypeError("a look-up without a column or a token")
    meaning = job.view.field(f"{product.type_name}TokenColumn", str(chosen.value)).meaning
    if not isinstance(meaning, OfColumn):
        raise TypeError("a look-up in no column")
    draft, name = job.draft(product), meaning.column.name
    index = draft.output(column(draft.alias, f"~raw.{name}"), meaning.column.type)
    found = exp.EQ(this=column(draft.alias, f"~token.{name}"), expression=job.bind(STRING, token))
    select = draft.select().where(found, copy=False)
    select = select.order_by(*(Term(term, None).ordered() for term in keys(product, draft.alias)), copy=False)
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    return Total(key, draft.name, index), Block(draft.name, product.id, select, draft.outputs(), one=True)
