"""Coercion: variables as JSON to typed values, as the GraphQL specification says (section 6.1.2), in our own words.

Names inside the values (input fields, enum values) that the caller does not have are the one error CH205. No message
repeats a value: it says where, and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedInputType,
    GraphQLNonNull,
    GraphQLScalarType,
    OperationDefinitionNode,
    Undefined,
    get_named_type,
    is_input_type,
    type_from_ast,
    value_from_ast,
)
from graphql.language.ast import VariableDefinitionNode

from resolvers.frontends.graphql.names import unknown
from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal, Refusals
from schema.graphql import View
from schema.graphql.scalars import SCALARS
from schema.limits import Limits

MOST_ERRORS = 10

_EXPECTED = {
    "Int": "a whole number of 32 bits",
    "Float": "a finite number",
    "String": "a string without NUL characters",
    "Boolean": "true or false",
    "ID": "a string or a whole number",
}


def variable_type(view: View, node: VariableDefinitionNode) -> GraphQLInputType:
    """The type of a variable of a validated operation."""
    found = type_from_ast(view.schema, node.type)
    if found is None or not is_input_type(found):
        raise KeyError(node.variable.name.value)
    return found


def coerce(
    operation: OperationDefinitionNode, view: View, limits: Limits, variables: Mapping[str, object]
) -> dict[str, object]:
    """The values of the operation's variables. Absent ones without a default stay absent."""
    run = _Coercion(limits, view.suggests)
    values: dict[str, object] = {}
    for node in operation.variable_definitions or ():
        name, type_ = node.variable.name.value, variable_type(view, node)
        if name in variables:
            run.names(variables[name], type_, f"${name}", 1)
    for node in operation.variable_definitions or ():
        name, type_ = node.variable.name.value, variable_type(view, node)
        run.node = node
        if name in variables:
            values[name] = run.value(variables[name], type_, f"${name}")
        elif node.default_value is not None:
            values[name] = _default(run, node, type_)
        elif isinstance(type_, GraphQLNonNull):
            run.add(f"${name}", f"is missing; it is a {type_}")
    if run.errors:
        raise run.errors[0] if len(run.errors) == 1 else Refusals(tuple(run.errors))
    return values


def _default(run: _Coercion, node: VariableDefinitionNode, type_: GraphQLInputType) -> object:
    value = value_from_ast(node.default_value, type_)
    if value is Undefined:
        run.add(f"${node.variable.name.value}", f"has a default that is not a {type_}")
    return value


class _Coercion:
    """One pass over the variables: what was wrong, and how much has been looked at."""

    def __init__(self, limits: Limits, suggests: bool) -> None:
        self._limits, self._suggests, self._parts = limits, suggests, 0
        self.errors: list[Refusal] = []
        self.node: VariableDefinitionNode | None = None

    def add(self, path: str, what: str) -> None:
        places = locations(self.node) if self.node else ()
        if len(self.errors) < MOST_ERRORS:
            refusal = Refusal("CH107", f"Variable '{path}' {what}.", "Correct the variables.", locations=places)
            self.errors.append(refusal)

    def names(self, value: object, type_: GraphQLInputType, path: str, depth: int) -> None:
        """Refuse unknown names and too much or too deep a value, before anything is coerced."""
        if depth > self._limits.input_depth:
            raise _too_big(f"more than {self._limits.input_depth} levels deep")
        named = cast("GraphQLNamedInputType", get_named_type(type_))
        if isinstance(value, list):
            self._items(value, named, path, depth)
        elif isinstance(value, dict) and isinstance(named, GraphQLInputObjectType):
            self._part()
            for name, inner in value.items():
                if name not in named.fields:
                    known = named.fields if self._suggests else None
                    raise unknown(f"No field '{name[:80]}' in '{named.name}' ({path}).", known, name)
                self.names(inner, named.fields[name].type, f"{path}.{name}", depth + 1)
        elif isinstance(value, str) and isinstance(named, GraphQLEnumType) and value not in named.values:
            known = named.values if self._suggests else None
            raise unknown(f"No value '{value[:80]}' in '{named.name}' ({path}).", known, value)

    def _items(self, value: list[object], named: GraphQLNamedInputType, path: str, depth: int) -> None:
        if len(value) > self._limits.list_items:
            raise _too_big(f"longer than {self._limits.list_items} elements in '{path}'")
        if isinstance(named, GraphQLScalarType):
            return
        for index, item in enumerate(value):
            self._part()
            self.names(item, named, f"{path}[{index}]", depth + 1)

    def _part(self) -> None:
        self._parts += 1
        if self._parts > self._limits.variable_parts:
            raise _too_big(f"made of more than {self._limits.variable_parts} objects and list items")

    def value(self, value: object, type_: GraphQLInputType, path: str) -> object:
        """A value as its type has it. What is wrong goes to ``errors``; the result is then of no use."""
        if isinstance(type_, GraphQLNonNull):
            if value is None:
                self.add(path, "must not be null")
                return None
            type_ = type_.of_type
        if value is None:
            return None
        if isinstance(type_, GraphQLList):
            items = value if isinstance(value, list) else [value]
            return [self.value(item, type_.of_type, f"{path}[{index}]") for index, item in enumerate(items)]
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(value, type_, path)
        if isinstance(type_, GraphQLEnumType):
            if not isinstance(value, str):
                self.add(path, f"must be one of the values of {type_.name}, as a string")
            return value
        return self._scalar(value, type_, path)

    def _object(self, value: object, type_: GraphQLInputObjectType, path: str) -> object:
        if not isinstance(value, dict):
            self.add(path, f"must be an object of type {type_.name}")
            return None
        if type_.is_one_of and (len(value) != 1 or None in value.values()):
            self.add(path, f"must have exactly one field of {type_.name}, not null")
            return None
        for name, field in type_.fields.items():
            if isinstance(field.type, GraphQLNonNull) and name not in value:
                self.add(f"{path}.{name}", f"is missing; it is a {field.type}")
        return {name: self.value(inner, type_.fields[name].type, f"{path}.{name}") for name, inner in value.items()}

    def _scalar(self, value: object, type_: object, path: str) -> object:
        if not isinstance(type_, GraphQLScalarType):
            raise TypeError(f"not an input type: {type_}")
        try:
            coerced: object = type_.coerce_input_value(value)
        except GraphQLError as error:
            expected = error.message if type_.name in SCALARS else f"expected {_EXPECTED[type_.name]}"
            self.add(path, f"is not a {type_.name}: {expected}")
            return None
        if isinstance(coerced, str) and "\x00" in coerced:
            self.add(path, f"is not a {type_.name}: expected {_EXPECTED['String']}")
        return coerced


def _too_big(how: str) -> Refusal:
    return Refusal("CH108", f"The variables are {how}.", "Send less at once.")
