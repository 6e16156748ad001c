"""Run lookups: the keys that parents' rows hold, the rows that answer them, and of each what this caller may see.

The row function (`policies.govern.row_functions`) is applied to every row before anything else looks at it. A row that
the caller may not see, one that hides the key it was reached by, and one that is not there answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from policies.rowwise import See
from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.values import from_json
from resolvers.bind import Request
from resolvers.lookups.find import Found
from resolvers.natural import natural
from resolvers.steps import Layout, Lookup, Part
from resolvers.wire import wire
from schema.catalog import Catalog

Values = list[object]
Answers = tuple[list[Values | None], int]


class Lookups:
    """The lookups of one request."""

    def __init__(self, catalog: Catalog, layouts: Mapping[str, Layout], found: Found, rows: Mapping[str, See]) -> None:
        self._catalog, self._layouts, self._found, self._rows = catalog, layouts, found, rows

    async def asked(self, lookup: Lookup, request: Request) -> Answers:
        """For a root: one row for each of the keys asked for, None where there is none; and how many calls it took."""
        lists = [value if isinstance(value := request.value(slot), list) else [value] for slot in lookup.keys]
        fits = self._fit(lookup)
        return await self._answers(lookup, [fits(tuple(parts)) for parts in zip(*lists, strict=True)])

    async def below(self, lookup: Lookup, parents: Sequence[Values]) -> Answers:
        """One row for each parent's row, and how many calls it took."""
        fits = self._fit(lookup)
        reads = [_reader(part, self._layouts, lookup) for part in lookup.parts]
        return await self._answers(lookup, [fits(tuple(read(row) for read in reads)) for row in parents])

    async def _answers(self, lookup: Lookup, keys: list[Key | None]) -> Answers:
        wanted = list(dict.fromkeys(key for key in keys if key is not None))
        calls = self._found.ask(lookup.product, wanted, lookup.columns)
        found = await self._found.rows(lookup.product, wanted)
        shown = {key: self._shown(lookup, row) for key, row in found.items()}
        return [None if key is None else shown[key] for key in keys], calls

    def _shown(self, lookup: Lookup, raw: Row | None) -> Values | None:
        """What the caller may see of a row, in the order of the block's outputs."""
        seen = None if raw is None else self._rows[lookup.product](raw)
        if seen is None:
            return None
        if any(clear is None or (alike and not clear) for clear, alike in zip(seen.key, lookup.alike, strict=False)):
            return None
        return [
            1 if name is None else wire(seen.row[name], output.type)
            for name, output in zip(lookup.outputs, lookup.block.outputs, strict=True)
        ]

    def _fit(self, lookup: Lookup) -> Callable[[tuple[object, ...]], Key | None]:
        """Makes keys of what stands in rows and variables; None where a part is missing or does not fit its type."""
        product = self._catalog.products[lookup.product]
        types = [product.columns[name].type for name in product.key]

        def fit(parts: tuple[object, ...]) -> Key | None:
            try:
                key = tuple(from_json(part, type_) for part, type_ in zip(parts, types, strict=True))
            except ValueError:
                return None
            missing = any(part is None and given for part, given in zip(key, lookup.given, strict=True))
            return None if missing else key

        return fit


def _reader(part: Part | None, layouts: Mapping[str, Layout], lookup: Lookup) -> Callable[[Values], object]:
    """Reads a part of the key from a parent's row."""
    if part is None:
        return lambda row: None
    at, type_, parent = part.at, part.type, lookup.parent or ""
    if not part.path:
        link = layouts[parent].links[lookup.block.name][at]
        return lambda row: natural(row[link], type_)
    places = list(_places(part.path, layouts, parent))

    def read(row: Values) -> object:
        for place in places:
            rows = row[place]
            if not isinstance(rows, list) or not rows:
                return None
            row = rows[0]
        return natural(row[at], type_)

    return read


def _places(path: tuple[str, ...], layouts: Mapping[str, Layout], parent: str) -> Iterator[int]:
    for name in path:
        yield layouts[parent].children[name]
        parent = name
