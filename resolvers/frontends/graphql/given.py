"""Given: an argument's value with where it comes from, whether it was written out, a variable, or a mixture.

The compiler reads structure (which fields are there, nulls, enum values, Booleans) from here and binds the rest: a
`Value` or `Values` with a ``path`` becomes a variable slot, one without becomes a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    NullValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_input_type,
    value_from_ast,
)
from graphql.language.ast import EnumValueNode, ListValueNode, ObjectValueNode

from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal
from schema.graphql.definitions import BULK

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Null:
    """null, written or given."""


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar or enum value; ``path`` leads to it in the variables."""

    value: object
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """A list of scalars, or of input objects that differ in their scalars only, that is bound as one."""

    values: tuple[object, ...]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of objects or enum values, or a written list of scalars with variables in it."""

    items: tuple[Given, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """An input object: the fields that were given."""

    fields: Mapping[str, Given]


Given = Null | Value | Values | Items | Record


def given(node: ValueNode, type_: GraphQLInputType, values: Mapping[str, object]) -> Given | None:
    """The value an argument was given; None where it is a variable that has none."""
    if isinstance(node, VariableNode):
        name = node.name.value
        return from_variable(values[name], type_, (name,)) if name in values else None
    if isinstance(node, NullValueNode):
        return Null()
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(inner, GraphQLList):
        return _list(node, inner.of_type, values)
    if isinstance(inner, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        fields = ((field.name.value, field.value) for field in node.fields)
        found = ((name, given(value, inner.fields[name].type, values)) for name, value in fields)
        return Record({name: value for name, value in found if value is not None})
    if isinstance(node, EnumValueNode) and isinstance(inner, GraphQLEnumType):
        return Value(node.value)
    return Value(_literal(node, inner))


def from_variable(value: object, type_: GraphQLInputType, path: Path) -> Given:
    """A coerced variable, or a part of one."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if value is None:
        return Null()
    if isinstance(inner, GraphQLList):
        items = value if isinstance(value, list) else [value]
        item = _required(inner.of_type)
        if isinstance(item, GraphQLScalarType) or (
            isinstance(item, GraphQLInputObjectType) and BULK in item.extensions
        ):
            return Values(tuple(items), path)
        return Items(tuple(from_variable(item, inner.of_type, (*path, index)) for index, item in enumerate(items)))
    if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
        # Sorted, as in the shape: what a client's JSON happens to begin with must not change the query.
        return Record(
            {name: from_variable(value[name], inner.fields[name].type, (*path, name)) for name in sorted(value)}
        )
    return Value(value, path)


def _list(node: ValueNode, item: GraphQLInputType, values: Mapping[str, object]) -> Given:
    nodes = node.values if isinstance(node, ListValueNode) else (node,)
    found = tuple(value for value in (given(inner, item, values) for inner in nodes) if value is not None)
    if isinstance(_required(item), GraphQLScalarType):
        plain = tuple(value.value for value in found if isinstance(value, Value) and value.path is None)
        if len(plain) == len(found):
            return Values(plain)
    return Items(found)


def _required(type_: GraphQLInputType) -> GraphQLInputType:
    if not isinstance(type_, GraphQLNonNull):
        return type_
    inner = type_.of_type
    if not is_input_type(inner):
        raise TypeError(f"not an input type: {inner}")
    return inner


def _literal(node: ValueNode, type_: GraphQLInputType) -> object:
    value = value_from_ast(node, type_)
    if value is Undefined or (isinstance(value, str) and "\x00" in value):
        raise Refusal(
            "CH106", f"This is not a {type_}.", "Compare the query with the schema.", locations=locations(node)
        )
    return value
