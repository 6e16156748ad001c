"""Lazy: a graphql-core schema that fills itself as it is read.

strawberry takes tens of microseconds per field, so all types of 1,000 products would take seconds for every caller.
A `LazySchema` converts a type, or a field of Query, when validation first looks at it. Introspection looks at all and
uses `whole`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType, GraphQLSchema
from graphql.type.schema import InterfaceImplementations

from schema.graphql.conversion import Classes, Converter
from schema.graphql.vocabulary import Vocabulary

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values


class LazyFields(dict[str, GraphQLField]):
    """The fields of Query: four for each product. One is made when it is looked up, all when they are gone through."""

    def __init__(self, names: Iterable[str], make: Callable[[str], GraphQLField]) -> None:
        super().__init__()
        self._names, self._make = tuple(names), make
        self._known = frozenset(self._names)

    def __missing__(self, name: str) -> GraphQLField:
        if name not in self._known:
            raise KeyError(name)
        made = self[name] = self._make(name)
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def get(self, name: str, default: GraphQLField | None = None) -> GraphQLField | None:  # type: ignore[override]
        return self[name] if name in self._known else default

    def values(self) -> dict_values[str, GraphQLField]:
        return {name: self[name] for name in self._names}.values()

    def items(self) -> dict_items[str, GraphQLField]:
        return {name: self[name] for name in self._names}.items()


class LazyRoot(GraphQLObjectType):
    """The Query type over `LazyFields`."""

    def __init__(self, name: str, fields: LazyFields, description: str) -> None:
        super().__init__(name, {}, description=description)
        self._lazy = fields

    @cached_property
    def fields(self) -> LazyFields:
        return self._lazy


class LazyTypes(dict[str, GraphQLNamedType]):
    """A type map that asks for what it does not have yet. Iteration sees only what is there already."""

    def __init__(self, known: dict[str, GraphQLNamedType], find: Callable[[str], GraphQLNamedType | None]) -> None:
        super().__init__(known)
        self._find = find

    def __missing__(self, name: str) -> GraphQLNamedType:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        self[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str, default: GraphQLNamedType | None = None) -> GraphQLNamedType | None:  # type: ignore[override]
        try:
            return self[name]
        except KeyError:
            return default


class LazySchema(GraphQLSchema):
    """A graphql-core schema for validation. Types come to be when they are named."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(assume_valid=True)
        self._vocabulary = vocabulary
        self._classes = Classes(vocabulary)
        self._converter = Converter(self._classes)
        self.type_map = LazyTypes(self.type_map, self._named)
        self._root = vocabulary.query()
        self.query_type = LazyRoot("Query", LazyFields(self._root.fields, self._root_field), self._root.description)

    def get_implementations(self, interface_type: GraphQLInterfaceType) -> InterfaceImplementations:
        return InterfaceImplementations(objects=list(self._rows()), interfaces=[])

    def whole(self) -> GraphQLSchema:
        """The same with every type, for introspection. Costs about 50 microseconds a field, once."""
        return GraphQLSchema(query=self.query_type, types=list(self._rows()), assume_valid=True)

    def _rows(self) -> Iterator[GraphQLObjectType]:
        for product in self._vocabulary.products():
            found = self._object(product.type_name)
            if found is not None:
                yield found

    def _object(self, name: str) -> GraphQLObjectType | None:
        found = self._named(name)
        return found if isinstance(found, GraphQLObjectType) else None

    def _root_field(self, name: str) -> GraphQLField:
        return self._converter.from_field(self._classes.field(name, self._root.fields[name]))

    def _named(self, name: str) -> GraphQLNamedType | None:
        if name == "Query":
            return self.query_type
        try:
            known = self._classes.named(name)
        except KeyError:
            return None
        made = self._converter.from_type(known)  # type: ignore[arg-type]
        return made if isinstance(made, GraphQLNamedType) else None
