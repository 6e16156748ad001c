"""Coercers: the coercion of one operation's variables, made once and run for each request.

Right values pass through a few compiled functions. Anything odd (a wrong or missing value, an unknown name, a default,
more parts than usual) raises `Odd`, and `coercion.coerce` does the work again and words what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
    OperationDefinitionNode,
    get_nullable_type,
    is_input_type,
)

from resolvers.frontends.graphql.coercion import coerce, variable_type
from schema.graphql import View
from schema.graphql.definitions import BULK
from schema.limits import Limits

Typed = Sequence[tuple[str, GraphQLInputType]]
Read = Callable[[object, int], object]
"""A value at a depth to its coerced form. Raises `Odd` or GraphQLError."""

_DEEPEST, _MOST_ITEMS, _MOST_PARTS = 8, 1_000, 200
_INT32 = range(-(2**31), 2**31)


class Odd(Exception):
    """Not for the quick way."""


class Coercer:
    """Coerces for one valid operation. ``types`` are those of its variables."""

    def __init__(self, operation: OperationDefinitionNode, view: View, limits: Limits) -> None:
        self._operation, self._view, self._limits = operation, view, limits
        nodes = operation.variable_definitions or ()
        self.types: Typed = tuple((node.variable.name.value, variable_type(view, node)) for node in nodes)
        self._readers = _Readers(limits)
        defaults = any(node.default_value is not None for node in nodes)
        self._quick = None if defaults else [(name, self._readers.of(type_), type_) for name, type_ in self.types]

    @property
    def fixed(self) -> bool:
        """Whether all values have one shape: required scalars, and lists of them, that decide nothing."""
        return all(_decides_nothing(type_) for _, type_ in self.types)

    def coerce(self, variables: Mapping[str, object]) -> dict[str, object]:
        """The values of the variables. Raises `Refusal` (CH107, CH108, CH205) or `Refusals`."""
        if self._quick is not None:
            try:
                return self._quickly(self._quick, variables)
            except (Odd, GraphQLError):
                pass
        return coerce(self._operation, self._view, self._limits, variables)

    def _quickly(
        self, quick: list[tuple[str, Read, GraphQLInputType]], variables: Mapping[str, object]
    ) -> dict[str, object]:
        self._readers.parts = 0
        values: dict[str, object] = {}
        for name, read, type_ in quick:
            if name in variables:
                values[name] = read(variables[name], 1)
            elif isinstance(type_, GraphQLNonNull):
                raise Odd
        return values


class _Readers:
    """Makes the readers of types, each type once: input types may hold themselves. ``parts`` counts what was read."""

    def __init__(self, limits: Limits) -> None:
        self.parts = 0
        self._deepest = min(_DEEPEST, limits.input_depth)
        self._items = min(_MOST_ITEMS, limits.list_items)
        self._most = min(_MOST_PARTS, limits.variable_parts)
        self._objects: dict[str, Read] = {}

    def of(self, type_: GraphQLInputType) -> Read:
        if isinstance(type_, GraphQLNonNull):
            inner = self._nullable(_input(type_.of_type))
            return lambda value, depth: _refuse() if value is None else inner(value, depth)
        inner = self._nullable(type_)
        return lambda value, depth: None if value is None else inner(value, depth)

    def _nullable(self, type_: GraphQLInputType) -> Read:
        if isinstance(type_, GraphQLList):
            return self._list(_input(type_.of_type))
        if isinstance(type_, GraphQLInputObjectType):
            return lambda value, depth: self._object(type_)(value, depth)
        if isinstance(type_, GraphQLEnumType):
            return lambda value, depth: value if isinstance(value, str) and value in type_.values else _refuse()
        if isinstance(type_, GraphQLScalarType):
            return _scalar(type_)
        raise TypeError(f"not an input type: {type_}")

    def _list(self, item: GraphQLInputType) -> Read:
        read, plain = self.of(item), isinstance(get_nullable_type(item), GraphQLScalarType)

        def items(value: object, depth: int) -> object:
            if not isinstance(value, list) or len(value) > self._items:
                raise Odd
            self.parts += 0 if plain else len(value)
            return [read(one, depth + 1) for one in value]

        return items

    def _object(self, type_: GraphQLInputObjectType) -> Read:
        if type_.name not in self._objects:
            self._objects[type_.name] = self._made(type_)
        return self._objects[type_.name]

    def _made(self, type_: GraphQLInputObjectType) -> Read:
        readers: dict[str, Read] = {}
        required = [name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)]

        def fields(value: object, depth: int) -> object:
            self.parts += 1
            if not isinstance(value, dict) or depth > self._deepest or self.parts > self._most:
                raise Odd
            if type_.is_one_of and (len(value) != 1 or None in value.values()):
                raise Odd
            for name in value:
                if name not in readers:
                    readers[name] = self.of(type_.fields[name].type) if name in type_.fields else _refuse()
            if any(name not in value for name in required):
                raise Odd
            return {name: readers[name](inner, depth + 1) for name, inner in value.items()}

        return fields


def _scalar(type_: GraphQLScalarType) -> Read:
    if type_ is GraphQLInt:
        return lambda value, depth: value if value.__class__ is int and value in _INT32 else _refuse()
    if type_ is GraphQLString:
        return lambda value, depth: value if isinstance(value, str) and "\x00" not in value else _refuse()
    if type_ is GraphQLBoolean:
        return lambda value, depth: value if isinstance(value, bool) else _refuse()
    coerced = type_.coerce_input_value

    def read(value: object, depth: int) -> object:
        found: object = coerced(value)
        if isinstance(found, str) and "\x00" in found:
            raise Odd
        return found

    return read


def _decides_nothing(type_: GraphQLInputType) -> bool:
    if not isinstance(type_, GraphQLNonNull):
        return False
    inner: object = type_.of_type
    if isinstance(inner, GraphQLList):
        inner = get_nullable_type(inner.of_type)
    if isinstance(inner, GraphQLInputObjectType):
        return BULK in inner.extensions
    return isinstance(inner, GraphQLScalarType) and inner.name != "Boolean"


def _input(type_: object) -> GraphQLInputType:
    if not is_input_type(type_):
        raise TypeError(f"not an input type: {type_}")
    return type_


def _refuse() -> Read:
    raise Odd
