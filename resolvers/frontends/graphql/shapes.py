"""Shapes: what of the variables decides the query, as against what is only bound.

Two sets of values with the same shape compile to the same query. By value: Booleans and enum values. By structure:
which fields an object has, how many objects a list has, what is null. Everything else is one mark.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
)

from schema.graphql.definitions import BULK

ANY = "*"


def shape(types: Sequence[tuple[str, GraphQLInputType]], values: Mapping[str, object]) -> Hashable:
    """The shape of coerced variables of these types."""
    return tuple([(name, _shape(values[name], type_)) for name, type_ in types if name in values])


def _shape(value: object, type_: GraphQLInputType) -> Hashable:
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if value is None:
        return None
    if isinstance(inner, GraphQLList):
        item = inner.of_type.of_type if isinstance(inner.of_type, GraphQLNonNull) else inner.of_type
        if isinstance(item, GraphQLScalarType) or BULK in item.extensions:
            return "[*]"
        items = value if isinstance(value, list) else [value]
        return ("[]", *(_shape(element, inner.of_type) for element in items))
    if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
        return tuple((name, _shape(value[name], inner.fields[name].type)) for name in sorted(value))
    if isinstance(inner, GraphQLEnumType) or isinstance(value, bool):
        return ("=", str(value))
    return ANY
