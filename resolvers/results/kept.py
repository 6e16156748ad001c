"""Kept: what an engine shares and keeps results with: those of its process, and what tells its sources apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resolvers.backends.dialect import Statement
from resolvers.results.key import Origin, StatementKey
from resolvers.results.results import Results
from schema.types import Kind


@dataclass(frozen=True, slots=True)
class Kept:
    """``identities`` by source name: digests of what each was opened from, options and secrets included."""

    results: Results
    identities: Mapping[str, str]

    def key(self, zone: str, versions: tuple[str, str], source: str, statement: Statement) -> StatementKey:
        """The key of a statement's results but for its binds. ``versions`` are those of catalog and policies."""
        origin = Origin.of(zone, *versions, source, self.identities[source], statement)
        plain = all(slot.type.kind is not Kind.FLOAT for slot in statement.params)
        return self.results.secrets.statement(origin, plain)
