"""A zone's GraphQL schema: the whole of it for tools, and a `View` per set of visible names for requests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import strawberry
from graphql import GraphQLSchema, print_directive, print_schema

from schema.catalog import Catalog
from schema.graphql.conversion import Classes, config, definition_of
from schema.graphql.cost_directives import COST, LIST_SIZE
from schema.graphql.costed import costed
from schema.graphql.definitions import FieldDef, TypeDef
from schema.graphql.lazy import LazySchema
from schema.graphql.vocabulary import Index, Vocabulary, everything, index
from schema.visible import VisibleSet

VIEWS = 64
"""Views kept per zone, least recently used first out."""


class View:
    """The schema as a caller with one visible set knows it: for validation, introspection and compilation."""

    def __init__(self, vocabulary: Vocabulary, visible: VisibleSet) -> None:
        self.vocabulary, self.digest, self.suggests = vocabulary, visible.digest, visible.suggests
        self.schema = LazySchema(vocabulary)

    @cached_property
    def whole(self) -> GraphQLSchema:
        """Every visible type, for introspection."""
        return self.schema.whole()

    @property
    def text(self) -> str:
        """The visible schema in the schema definition language, with what everything costs."""
        return costed(print_schema(self.whole), self.vocabulary)

    def type(self, name: str) -> TypeDef | None:
        return self.vocabulary.type(name)

    def field(self, type_: str, name: str) -> FieldDef:
        """A field that validation has found to be there."""
        if type_ == "Query":
            field = self.vocabulary.root(name)
        else:
            found = self.vocabulary.type(type_)
            field = found.fields.get(name) if found is not None else None
        if field is None:
            raise KeyError(f"{type_}.{name}")
        return field


@dataclass(frozen=True, slots=True)
class _Views:
    """The views in use, bounded."""

    lock: Lock = field(default_factory=Lock)
    kept: OrderedDict[str, View] = field(default_factory=OrderedDict)


@dataclass(frozen=True)
class ZoneSchema:
    """The GraphQL schema of a zone. Immutable; a reload builds a new one.

    Building is instant: types are made when they are named. ``strawberry``, ``graphql`` and ``sdl`` hold every type and
    are made on first use, by `customhouse schema` and `check`, never by a data request.
    """

    catalog: Catalog
    zone: str
    index: Index
    without: Mapping[str, frozenset[str]]
    detokenizable: Mapping[str, frozenset[str]]
    _views: _Views = field(default_factory=_Views)

    def view(self, visible: VisibleSet) -> View:
        """The schema as far as ``visible`` goes; the same object for the same digest, while it is kept."""
        with self._views.lock:
            kept = self._views.kept
            found = kept.pop(visible.digest, None) or self._view(visible)
            kept[visible.digest] = found
            while len(kept) > VIEWS:
                kept.popitem(last=False)
            return found

    @cached_property
    def strawberry(self) -> strawberry.Schema:
        """The whole zone as a strawberry schema. Raises ValueError where graphql-core finds it invalid."""
        vocabulary = self._view(self._whole).vocabulary
        classes = Classes(vocabulary)
        made = {name: classes.named(name) for name in vocabulary.names()}
        objects = {name: cls for name, cls in made.items() if isinstance(cls, type)}
        for name, cls in objects.items():
            definition_of(cls).fields.extend(classes.fields(name))
        # All types are named, so that graphql-core need not follow chains of them, for which its recursion is too deep.
        return strawberry.Schema(query=objects["Query"], types=list(objects.values()), config=config())

    @cached_property
    def graphql(self) -> GraphQLSchema:
        """The graphql-core schema inside `strawberry`."""
        return self.strawberry._schema

    @cached_property
    def sdl(self) -> str:
        """The whole schema in the schema definition language."""
        return self.strawberry.as_str() + "\n"

    @cached_property
    def costed(self) -> str:
        """The same with what everything costs."""
        definitions = "".join(f"{print_directive(directive)}\n\n" for directive in (COST, LIST_SIZE))
        return costed(definitions + self.sdl, self._view(self._whole).vocabulary)

    @property
    def _whole(self) -> VisibleSet:
        return replace(everything(self.catalog, self.zone), detokenizable=self.detokenizable)

    def _view(self, visible: VisibleSet) -> View:
        return View(Vocabulary(self.catalog, self.zone, visible, self.index, self.without), visible)


def build(
    catalog: Catalog,
    zone: str,
    without: Mapping[str, frozenset[str]] | None = None,
    detokenizable: Mapping[str, frozenset[str]] | None = None,
) -> ZoneSchema:
    """The schema of a zone. ``without`` are, by source, the figures its engine cannot give ("percentile", "stddev");
    ``detokenizable`` are, by product, the columns whose tokens somebody may look up (only for the whole schema).

    Raises ValueError where two types are called the same (`schema.load_names` finds it first).
    """
    return ZoneSchema(catalog, zone, index(catalog, zone), without or {}, detokenizable or {})
