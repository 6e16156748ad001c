"""The SQL front end: from a text and its parameters to a `LogicalStatement`. Knows no policy, no engine, no HTTP.

Parse (one SELECT of listed forms), bind parameters, resolve names over what the caller may know, infer types for the
engine's dialect, and name the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.schema import MappingSchema

from resolvers.frontends.sql.known import Known, spelt
from resolvers.frontends.sql.normal import normal
from resolvers.frontends.sql.outputs import take_outputs
from resolvers.frontends.sql.parameters import Parameter, place_binds, slots_of
from resolvers.frontends.sql.parse import READERS, parse
from resolvers.frontends.sql.resolve import resolve
from schema.catalog import Catalog
from schema.statement import Dialect, LogicalStatement
from schema.trees import preorder
from schema.types import Type
from schema.visible import VisibleSet


def compile_sql(
    text: str, dialect: Dialect, given: Mapping[str, Parameter], catalog: Catalog, visible: VisibleSet
) -> LogicalStatement:
    """The statement, before policy. Raises `Refusal` CH160 to CH162, CH233 to CH235 and CH607."""
    reader = READERS[dialect]
    tree = place_binds(parse(text, dialect), given)
    known = Known(catalog, visible)
    resolved = resolve(tree, reader, known)
    slots = slots_of(resolved.tree, given)
    tree = _typed(resolved.tree, reader)
    outputs = take_outputs(tree)
    words = normal(tree, reader, known.names(resolved.named))
    return LogicalStatement(tree, dialect, outputs, resolved.products, slots, words)


def _typed(tree: exp.Query, reader: str) -> exp.Query:
    """Types on the nodes, as far as they can be told: engines divide and compare by them."""
    for node in preorder(tree):
        logical = node.meta.get("logical")
        if isinstance(logical, Type):
            node.type = exp.DataType.build(spelt(logical))
    # A type that is not known only costs a guard, or is told by the engine.
    with suppress(SqlglotError, RecursionError, AttributeError, TypeError, ValueError):
        annotate_types(tree, schema=MappingSchema(None), dialect=reader, overwrite_types=False)
    return tree
