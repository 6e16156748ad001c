"""Calls: for whom and until when a source is called. A source's session tags are taken from the caller's claims; a
claim that is absent, or a list, gives no tag.
"""

from __future__ import annotations

from collections.abc import Mapping

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call
from schema.caller import Caller
from schema.catalog import Source


class Calls:
    """The calls of one request."""

    def __init__(self, sources: Mapping[str, Source], caller: Caller, deadline: Deadline) -> None:
        self._sources, self._caller, self._deadline = sources, caller, deadline
        self._made: dict[str, Call] = {}

    def to(self, source: str) -> Call:
        """The call to a source, the same for the whole request."""
        if source not in self._made:
            self._made[source] = Call(self._deadline, self._session(source))
        return self._made[source]

    def _session(self, source: str) -> tuple[tuple[str, str], ...]:
        claims = self._caller.claims
        given = ((tag, claims.get(claim)) for tag, claim in self._sources[source].session.items())
        return tuple(sorted((tag, str(value)) for tag, value in given if isinstance(value, str | int)))
