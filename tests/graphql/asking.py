"""How the cases ask: a front end over the small catalog, and an opener that takes a sealed text for JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping

from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from schema.errors import Refusal, Refusals
from schema.limits import Limits
from schema.query import LogicalQuery
from schema.visible import VisibleSet
from tests.graphql.catalog import ZONE, catalog, visible

CATALOG = catalog()
VISIBLE = visible(CATALOG)


def opener(kind: str, text: str, seal: str) -> tuple[object, ...]:
    """Opens a JSON list. Anything else was not sealed here."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise Refusal("CH110", f"This {kind} is not valid here.")
    return tuple(values)


def front_end(limits: Limits | None = None) -> GraphQLFrontEnd:
    return GraphQLFrontEnd(CATALOG, ZONE, limits=limits)


def ask(
    frontend: GraphQLFrontEnd,
    text: str,
    variables: Mapping[str, object] | None = None,
    name: str | None = None,
    seen: VisibleSet = VISIBLE,
) -> LogicalQuery:
    """The whole way: read, coerce, sign, compile; literals stay in the text (`test_graphql_literals` is about them)."""
    document = frontend.read(text, name, seen, exactly=True)
    values = document.coerce(variables or {})
    document.signature(values, opener)
    return frontend.compile(document, values, opener)


def refused(
    frontend: GraphQLFrontEnd,
    text: str,
    variables: Mapping[str, object] | None = None,
    name: str | None = None,
    seen: VisibleSet = VISIBLE,
) -> list[dict[str, object]]:
    """The errors a request gets, in full; empty where it is answered."""
    try:
        ask(frontend, text, variables, name, seen)
    except Refusals as refusals:
        return [_said(refusal) for refusal in refusals.errors]
    except Refusal as refusal:
        return [_said(refusal)]
    return []


def _said(refusal: Refusal) -> dict[str, object]:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "hint": refusal.hint,
        "at": [list(place) for place in refusal.locations],
        "path": list(refusal.path),
        "status": refusal.status,
    }
