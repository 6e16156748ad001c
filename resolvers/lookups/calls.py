"""Calls: for whom and until when a source is called. A source's session tags are taken from the caller's claims; a
claim that is absent, or a list, gives no tag, and a boolean one is "true" or "false".
"""

from __future__ import annotations

from collections.abc import Mapping

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call
from resolvers.backends.keyed.values import to_text
from schema.caller import Caller
from schema.catalog import Source


class Calls:
    """The calls of one request."""

    def __init__(self, sources: Mapping[str, Source], caller: Caller, deadline: Deadline, request_id: str = "") -> None:
        self._sources, self._caller, self._deadline, self._request_id = sources, caller, deadline, request_id
        self._made: dict[str, Call] = {}

    def to(self, source: str) -> Call:
        """The call to a source, the same for the whole request."""
        if source not in self._made:
            self._made[source] = Call(self._deadline, self._session(source), self._request_id)
        return self._made[source]

    def _session(self, source: str) -> tuple[tuple[str, str], ...]:
        claims = self._caller.claims
        given = ((tag, claims.get(claim)) for tag, claim in self._sources[source].session.items())
        return tuple(sorted((tag, to_text(value)) for tag, value in given if isinstance(value, str | int)))
