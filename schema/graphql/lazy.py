"""Lazy: a graphql-core schema that fills itself as it is read.

strawberry takes tens of microseconds per field, so all types of 1,000 products would take seconds for every caller.
A `LazySchema` converts a type, or a field of Query, when validation first looks at it. Introspection looks at all and
uses `whole`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    specified_directives,
)
from graphql.type.schema import InterfaceImplementations

from schema.graphql.conversion import Classes, Converter
from schema.graphql.cost_directives import COST, LIST_SIZE
from schema.graphql.definitions import TypeDef
from schema.graphql.vocabulary import Vocabulary

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values


class LazyFields(dict[str, GraphQLField]):
    """The fields of Query: some five for each product. One is made when looked up, all when they are gone through."""

    def __init__(self, find: Callable[[str], GraphQLField | None], names: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._find, self._names = find, names

    def __missing__(self, name: str) -> GraphQLField:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        self[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def get(self, name: str, default: GraphQLField | None = None) -> GraphQLField | None:  # type: ignore[override]
        try:
            return self[name]
        except KeyError:
            return default

    def values(self) -> dict_values[str, GraphQLField]:
        return {name: self[name] for name in self._names()}.values()

    def items(self) -> dict_items[str, GraphQLField]:
        return {name: self[name] for name in self._names()}.items()


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
        fields = LazyFields(self._root, lambda: self._query().fields)
        self.query_type = LazyRoot("Query", fields, vocabulary.query_text)

    def get_implementations(self, interface_type: GraphQLInterfaceType) -> InterfaceImplementations:
        return InterfaceImplementations(objects=list(self._rows()), interfaces=[])

    def is_sub_type(self, abstract_type: GraphQLAbstractType, maybe_sub_type: GraphQLNamedType) -> bool:
        type_ = self._vocabulary.type(maybe_sub_type.name)
        return abstract_type.name == "Node" and type_ is not None and type_.node

    def whole(self) -> GraphQLSchema:
        """The same with every type, for introspection: some milliseconds a product, once.

        All types are named, so that graphql-core need not follow chains of them, for which its recursion is too deep.
        """
        found = (self._named(name) for name in self._vocabulary.names())
        types = [type_ for type_ in found if type_ is not None]
        return GraphQLSchema(
            query=self.query_type,
            types=types,
            directives=[*specified_directives, COST, LIST_SIZE],
            assume_valid=True,
        )

    def _rows(self) -> Iterator[GraphQLObjectType]:
        for product in self._vocabulary.products():
            found = self._object(product.type_name)
            if found is not None:
                yield found

    def _object(self, name: str) -> GraphQLObjectType | None:
        found = self._named(name)
        return found if isinstance(found, GraphQLObjectType) else None

    def _query(self) -> TypeDef:
        found = self._vocabulary.type("Query")
        if found is None:
            raise KeyError("Query")
        return found

    def _root(self, name: str) -> GraphQLField | None:
        found = self._vocabulary.root(name)
        return self._converter.from_field(self._classes.field(name, found)) if found is not None else None

    def _named(self, name: str) -> GraphQLNamedType | None:
        if name == "Query":
            return self.query_type
        try:
            known = self._classes.named(name)
        except KeyError:
            return None
        made = self._converter.from_type(known)  # type: ignore[arg-type]
        return made if isinstance(made, GraphQLNamedType) else None
