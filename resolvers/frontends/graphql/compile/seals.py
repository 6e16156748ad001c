"""Seals: what the compiler must know of cursors and node ids before they are bound.

Which values of a cursor are null decides the shape of its condition; which product a node id names decides everything.
Both are part of the signature, so they are found first with a `Recorder` and then asked of the caller's `Opener`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from resolvers.frontends.graphql.given import Path, Value
from schema.errors import Refusal

Opener = Callable[[str, str, str], tuple[object, ...]]
"""Opens what was sealed for this caller (`resolvers.seal.Sealer.open`): kind ("cursor" or "node"), text, what it was
sealed for. Raises `Refusal` where it was not sealed for this."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the operation where something sealed stands. ``terms`` is how many values a cursor must hold."""

    kind: Literal["cursor", "node"]
    value: Value
    seal: str = ""
    terms: int = 0


class Seals(Protocol):
    def nulls(self, site: Site) -> tuple[bool, ...]:
        """Which values of a cursor are null."""

    def product(self, site: Site) -> str | None:
        """The product of a node id, or None where it names none."""


@dataclass(slots=True)
class Recorder:
    """Notes the sites. Cursors count as without nulls; node ids name what is known of them so far."""

    nodes: Mapping[Site, str | None] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)

    def nulls(self, site: Site) -> tuple[bool, ...]:
        self.sites.append(site)
        return (False,) * site.terms

    def product(self, site: Site) -> str | None:
        self.sites.append(site)
        return self.nodes.get(site)


@dataclass(frozen=True, slots=True)
class Opened:
    """Asks the opener."""

    opener: Opener

    def nulls(self, site: Site) -> tuple[bool, ...]:
        values = self.opener("cursor", str(site.value.value), site.seal)
        if len(values) != site.terms:
            raise Refusal("CH110", "This cursor is not valid here.", "Take cursors from an answer to the same query.")
        return tuple(value is None for value in values)

    def product(self, site: Site) -> str | None:
        try:
            values = self.opener("node", str(site.value.value), "")
        except Refusal:
            return None
        return str(values[0]) if values else None


def at(site: Site, values: Mapping[str, object]) -> Site:
    """The site with its value taken from these variables."""
    return (
        Site(site.kind, Value(_follow(values, site.value.path), site.value.path), site.seal, site.terms)
        if (site.value.path)
        else site
    )


def _follow(values: Mapping[str, object], path: Path) -> object:
    found: object = values
    for step in path:
        if isinstance(found, Mapping):
            found = found[str(step)]
        elif isinstance(found, list) and isinstance(step, int):
            found = found[step]
    return found
