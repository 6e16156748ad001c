"""The addresses there are, as dispatch, logs, metrics and records name them: a path is the client's own text."""

from __future__ import annotations

GRAPHQL, SQL, DOCUMENTS = "/graphql", "/sql", "/q/"
HEALTH = frozenset({"/livez", "/startupz", "/readyz"})
"""Routes that answer nobody in particular."""
IN_GRAPHQL = frozenset({GRAPHQL, DOCUMENTS})
"""Routes whose refusals are those of GraphQL; elsewhere they are problem documents."""
_EXPLAIN, OTHER = "/explain", "other"
_NAMED = HEALTH | {GRAPHQL, SQL, "/catalog", "/schema.graphql", "/openapi.json", _EXPLAIN}
FOR_PARTNERS = (_NAMED - {_EXPLAIN}) | {DOCUMENTS}
"""What there is for partners; every other address is answered alike."""


def route_of(path: object) -> str:
    """The route of a path; ``other`` for what is none of ours."""
    if not isinstance(path, str):
        return OTHER
    if path in _NAMED:
        return path
    return DOCUMENTS if path.startswith(DOCUMENTS) else OTHER
