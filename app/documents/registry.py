"""What a zone's registered documents are, once they have been loaded.

    documents/<zone>/*.graphql  --load-->  Documents  --find-->  Registered  --checked variables-->  Operation

``hash`` is the SHA-256, in hex, of ``text`` in UTF-8: the operation with its fragments as graphql-core prints them,
without the directives that say its bounds. ``name`` is the operation's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a variable's value may be, besides its type. ``length`` of a text in characters, ``items`` of a list, the
    range of a number; each holds for everything inside the value."""

    length: int
    items: int
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: its type as GraphQL spells it, and whether a request must give it."""

    name: str
    type: str
    required: bool
    bounds: Bounds
    description: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """One document that a zone answers. ``file`` is relative to the project."""

    hash: str
    name: str
    text: str
    variables: tuple[Variable, ...]
    file: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a zone. Two have neither the same hash nor the same name."""

    by_hash: Mapping[str, Registered] = field(default_factory=dict)
    by_name: Mapping[str, Registered] = field(default_factory=dict)

    def find(self, reference: str) -> Registered | None:
        """The document of a hash, with or without ``sha256:`` before it, or of a name."""
        return self.by_hash.get(reference.removeprefix("sha256:").lower()) or self.by_name.get(reference)
