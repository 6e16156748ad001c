"""Where in the document a node stands, as a GraphQL error gives it."""

from __future__ import annotations

from graphql import Node, get_location


def locations(*nodes: Node) -> tuple[tuple[int, int], ...]:
    """(line, column) of each node, from 1."""
    found = []
    for node in nodes:
        if node.loc is not None:
            place = get_location(node.loc.source, node.loc.start)
            found.append((place.line, place.column))
    return tuple(found)
