"""Names for a first catalog: from what a database calls things to logical and GraphQL names that do not collide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from schema.load_names import FIXED_FIELDS, FIXED_ROOTS, FIXED_TYPES, ROOT_SUFFIXES, TYPE_SUFFIXES
from schema.names import camel, graphql_names

LONGEST = 63
_ROOM = 8


def logical(name: str, fallback: str) -> str:
    """A logical name: ``DepDelay`` and ``dep delay`` as ``dep_delay``."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", ascii_)
    words = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    if not words:
        return fallback
    return (words if words[0].isalpha() else f"{fallback[0]}_{words}")[: LONGEST - _ROOM].rstrip("_")


def free(name: str, taken: Callable[[str], bool]) -> str:
    """The name, or with a number where it is taken."""
    found, number = name, 2
    while taken(found):
        found, number = f"{name}_{number}", number + 1
    return found


@dataclass(slots=True)
class Fields:
    """The names inside one product: columns, then relationships, none of which may share a GraphQL field."""

    logical: set[str] = field(default_factory=set)
    graphql: set[str] = field(default_factory=lambda: set(FIXED_FIELDS))

    def column(self, physical: str, number: int) -> str:
        """A free name for a column."""
        wanted = logical(physical, f"column_{number}")
        if camel(wanted) in FIXED_FIELDS:
            wanted += "_value"
        return self._take(wanted, ())

    def relationship(self, wanted: Iterable[str], many: bool) -> str:
        """The first of these names that is free, else the last with a number."""
        suffixes = ("Aggregate",) if many else ()
        names = list(wanted)
        for name in names[:-1]:
            if not self._taken(name, suffixes):
                return self._take(name, suffixes)
        return self._take(names[-1], suffixes)

    def _taken(self, name: str, suffixes: tuple[str, ...]) -> bool:
        return name in self.logical or any(camel(name) + suffix in self.graphql for suffix in ("", *suffixes))

    def _take(self, name: str, suffixes: tuple[str, ...]) -> str:
        found = free(name, lambda one: self._taken(one, suffixes))
        self.logical.add(found)
        self.graphql |= {camel(found) + suffix for suffix in ("", *suffixes)}
        return found


@dataclass(slots=True)
class Roots:
    """The GraphQL names of products: query fields and types of one schema."""

    roots: set[str] = field(default_factory=lambda: set(FIXED_ROOTS))
    types: set[str] = field(default_factory=lambda: set(FIXED_TYPES))

    def take(self, domain: str, name: str) -> tuple[str, str, str] | None:
        """None where the default names are free; else singular, plural and type to be written down."""
        for number, wanted in enumerate((name, f"{domain}_{name}", *(f"{domain}_{name}_{n}" for n in range(2, 1000)))):
            names = graphql_names(wanted)
            singular, plural, type_ = names
            roots = {singular, plural, *(plural + suffix for suffix in ROOT_SUFFIXES)}
            types = {type_, *(type_ + suffix for suffix in TYPE_SUFFIXES)}
            if singular != plural and not roots & self.roots and not types & self.types:
                self.roots |= roots
                self.types |= types
                return None if number == 0 else names
        raise ValueError(f"no free GraphQL name for {domain}.{name}")
