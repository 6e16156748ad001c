"""Listed: rows that were asked for by a list of keys, put in the order of the keys, None where there is none.

Keys are compared to what the rows show, as values of their types. Where several rows show the same key, none answers.
"""

from __future__ import annotations

from resolvers.bind import Request
from resolvers.natural import natural
from resolvers.steps import Fetch

Row = list[object]


def aligned(fetch: Fetch, rows: list[Row], request: Request) -> list[Row]:
    """One row (or None) for each of the keys that the fetch was asked for."""
    types = [slot.type for slot in fetch.listed]
    lists = [value if isinstance(value := request.value(slot), list) else [value] for slot in fetch.listed]
    by_key: dict[tuple[object, ...], Row | None] = {}
    for row in rows:
        key = tuple(natural(row[at], type_) for at, type_ in zip(fetch.block.match, types, strict=True))
        by_key[key] = None if key in by_key else row
    return [by_key.get(key) for key in zip(*lists, strict=True)]  # type: ignore[misc]
