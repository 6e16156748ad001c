"""Operation: the root fields, each to its blocks and its part of the answer's shape."""

from __future__ import annotations

from graphql import FieldNode, OperationDefinitionNode

from resolvers.frontends.graphql.compile.groups import groups
from resolvers.frontends.graphql.compile.job import Job
from resolvers.frontends.graphql.compile.rows import aggregate, by_key, by_keys, by_node_id, connection
from resolvers.frontends.graphql.compile.seals import Site
from resolvers.frontends.graphql.compile.tokens import detokenize
from resolvers.frontends.graphql.given import Value
from resolvers.frontends.graphql.introspection import introspect
from schema.catalog import Product
from schema.graphql.definitions import OfRoot
from schema.query import Block, Literal_, ShapeField

QUERY = "Query"
META = frozenset({"__schema", "__type"})
_MAKERS = {"key": by_key, "keys": by_keys, "aggregate": aggregate, "groups": groups, "detokenize": detokenize}


def compile_roots(job: Job, operation: OperationDefinitionNode) -> tuple[tuple[Block, ...], tuple[ShapeField, ...]]:
    """The blocks and the shape of an operation."""
    blocks: list[Block] = []
    shape: list[ShapeField] = []
    for key, nodes in job.collector.sets([operation.selection_set], frozenset({QUERY})).items():
        name = nodes[0].name.value
        if name == "__typename":
            shape.append(Literal_(key, QUERY))
        elif name in META:
            shape.append(Literal_(key, introspect(job.view, key, nodes, operation, job.collector)))
        else:
            field, made = _root(job, key, nodes)
            shape.append(field)
            blocks.extend(made)
    return tuple(blocks), tuple(shape)


def _root(job: Job, key: str, nodes: tuple[FieldNode, ...]) -> tuple[ShapeField, list[Block]]:
    meaning = job.field(QUERY, nodes[0]).meaning
    if not isinstance(meaning, OfRoot):
        return _node(job, key, nodes)
    product = meaning.product
    if meaning.form == "list":
        return connection(job, product, QUERY, key, nodes)
    make = {"key": by_key, "keys": by_keys, "aggregate": aggregate, "groups": groups, "detokenize": detokenize}[
        meaning.form
    ]
    shape, block = make(job, product, QUERY, key, nodes)
    return shape, [block]


def _node(job: Job, key: str, nodes: tuple[FieldNode, ...]) -> tuple[ShapeField, list[Block]]:
    """``node(id:)``: null where the id names nothing this caller has, for whatever reason."""
    value = job.arguments(QUERY, nodes[0]).get("id")
    product = _named(job, value) if isinstance(value, Value) else None
    if product is None or not isinstance(value, Value):
        return Literal_(key, None), []
    shape, block = by_node_id(job, product, value, key, nodes)
    return shape, [block]


def _named(job: Job, value: Value) -> Product | None:
    id_ = job.seals.product(Site("node", value))
    return job.catalog.products[id_] if id_ is not None and job.view.vocabulary.has(id_) else None
