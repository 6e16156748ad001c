"""What a zone's registered documents are, once they have been loaded.

    documents/<zone>/*.graphql  --load-->  Documents  --find-->  Registered  --checked variables-->  Operation

``hash`` is the SHA-256, in hex, of ``text`` in UTF-8: the operation with its fragments as graphql-core prints them,
without the directives that say its bounds and without descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["text", "number", "flag", "json"]
"""How a variable's value, or an item of its list, is written in a query string: as it is, as a JSON number, as true or
false, or as any JSON."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a variable's value may be, besides its type. ``length`` of a text in characters, ``items`` of its lists, in
    all, the range of a number; each holds for everything inside the value."""

    length: int = 256
    items: int = 100
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: its type as GraphQL spells it, whether a request must give it, and its default in GraphQL."""

    name: str
    type: str
    required: bool
    bounds: Bounds
    description: str = ""
    form: Form = "text"
    default: str | None = None

    @property
    def many(self) -> bool:
        """Whether its value is a list."""
        return self.type.startswith("[")

    def __str__(self) -> str:
        """As a document spells it, with those bounds that are its own."""
        said, usual = self.bounds, Bounds()
        default = "" if self.default is None else f" = {self.default}"
        length = f" @length(max: {said.length})" if said.length != usual.length else ""
        items = f" @items(max: {said.items})" if said.items != usual.items else ""
        ends = [f"{end}: {at}" for end, at in (("min", said.least), ("max", said.most)) if at is not None]
        return f"${self.name}: {self.type}{default}{length}{items}" + (f" @range({', '.join(ends)})" if ends else "")


@dataclass(frozen=True, slots=True)
class Registered:
    """One document that a zone answers. ``file`` is where it is written, relative to the project; ``whole`` is
    ``text`` with bounds and descriptions. ``added`` and ``replaced`` are ISO dates: a document that was changed since
    is still answered, by its hash, until it is removed."""

    hash: str
    name: str
    text: str
    variables: tuple[Variable, ...]
    file: str
    description: str = ""
    whole: str = ""
    added: str = ""
    replaced: str | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a zone. A name stands for the newest of those that have it."""

    by_hash: Mapping[str, Registered] = field(default_factory=dict)
    by_name: Mapping[str, Registered] = field(default_factory=dict)

    def find(self, reference: str) -> Registered | None:
        """The document of a hash, with or without ``sha256:`` before it, or of a name."""
        return self.by_hash.get(reference.removeprefix("sha256:").lower()) or self.by_name.get(reference)
