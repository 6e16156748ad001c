"""Run lookups: the keys that parents' rows hold, the rows that answer them, and of each what this caller may see.

The row function (`policies.govern.row_functions`) is applied to every row before anything else looks at it. A row that
the caller may not see, one that hides the key it was reached by, and one that is not there answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter

from policies.rowwise import See
from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.values import from_json
from resolvers.bind import Request
from resolvers.lookups.find import Found
from resolvers.natural import natural
from resolvers.steps import Layout, Lookup, Part
from resolvers.wire import comparer, writer
from schema.catalog import Catalog
from schema.types import Kind, Type

_AS_THEY_ARE = frozenset({Kind.STRING, Kind.INTEGER, Kind.BOOLEAN})
"""Kinds whose wire form is the natural value."""

Values = list[object]
Answers = tuple[list[Values | None], int]


class Lookups:
    """The lookups of one request."""

    def __init__(self, catalog: Catalog, layouts: Mapping[str, Layout], found: Found, rows: Mapping[str, See]) -> None:
        self._catalog, self._layouts, self._found, self._rows = catalog, layouts, found, rows

    async def asked(self, lookup: Lookup, request: Request) -> Answers:
        """For a root: one row for each of the keys asked for, None where there is none; and how many calls it took."""
        lists = [value if isinstance(value := request.value(slot), list) else [value] for slot in lookup.keys]
        types = [self._catalog.products[lookup.product].columns[name].type for name in self._key(lookup)]
        parts = [[_fitted(value, type_) for value in values] for values, type_ in zip(lists, types, strict=True)]
        return await self._answers(lookup, list(zip(*parts, strict=True)))

    async def below(self, lookup: Lookup, parents: Sequence[Values]) -> Answers:
        """One row for each parent's row, and how many calls it took."""
        columns = self._catalog.products[lookup.product].columns
        types = [columns[name].type for name in self._key(lookup)]
        reads = [_reader(part, self._layouts, lookup, type_) for part, type_ in zip(lookup.parts, types, strict=True)]
        parts = [[read(row) for row in parents] for read in reads]
        return await self._answers(lookup, list(zip(*parts, strict=True)))

    async def _answers(self, lookup: Lookup, keys: list[Key]) -> Answers:
        needed = [at for at, given in enumerate(lookup.given) if given]
        if len(needed) == len(lookup.given):
            wanted = [key for key in dict.fromkeys(keys) if None not in key]
        else:
            wanted = [key for key in dict.fromkeys(keys) if all(key[at] is not None for at in needed)]
        calls = self._found.ask(lookup.product, wanted, lookup.columns)
        found = await self._found.rows(lookup.product, wanted)
        show = self._shower(lookup)
        shown = {key: show(row) for key, row in found.items()}
        return [shown.get(key) for key in keys], calls

    def _key(self, lookup: Lookup) -> tuple[str, ...]:
        return self._catalog.products[lookup.product].key

    def _shower(self, lookup: Lookup) -> Callable[[Row | None], Values | None]:
        """Gives what the caller may see of a row, in the order of the block's outputs."""
        see, alike = self._rows[lookup.product], lookup.alike
        outputs = list(zip(lookup.outputs, lookup.block.outputs, strict=True))
        written = comparer if lookup.compared else writer
        writes = [(name, None if name is None else written(output.type)) for name, output in outputs]

        def show(raw: Row | None) -> Values | None:
            seen = None if raw is None else see(raw)
            if seen is None:
                return None
            row = seen.row
            for clear, must in zip(seen.key, alike, strict=False):
                if clear is None or (must and not clear):
                    return None
            return [
                1 if name is None else value if (value := row.get(name)) is None or write is None else write(value)
                for name, write in writes
            ]

        return show


def _reader(
    part: Part | None, layouts: Mapping[str, Layout], lookup: Lookup, wanted: Type
) -> Callable[[Values], object]:
    """Reads a part of the key from a parent's row, as a value of the wanted type."""
    if part is None:
        return lambda row: None
    at, parent, fit = part.at, lookup.parent or "", _fit(part.type, wanted)
    if not part.path:
        link = layouts[parent].links[lookup.block.name][at]
        return itemgetter(link) if fit is None else lambda row: fit(row[link])
    places = list(_places(part.path, layouts, parent))

    def read(row: Values) -> object:
        for place in places:
            rows = row[place]
            if not isinstance(rows, list) or not rows:
                return None
            row = rows[0]
        return row[at] if fit is None else fit(row[at])

    return read


def _fit(given: Type, wanted: Type) -> Callable[[object], object] | None:
    """Makes a wire value of one type a natural value of another, None where it does not fit; None for the two where
    there is nothing to do."""
    if given.kind is wanted.kind and given.kind in _AS_THEY_ARE:
        return None
    if wanted.kind is Kind.FLOAT and given.kind in (Kind.FLOAT, Kind.INTEGER):
        return lambda value: value if value is None or value.__class__ is float else float(value)  # type: ignore[arg-type]
    return lambda value: _fitted(natural(value, given), wanted)


def _fitted(value: object, type_: Type) -> object:
    try:
        return from_json(value, type_)
    except ValueError:
        return None


def _places(path: tuple[str, ...], layouts: Mapping[str, Layout], parent: str) -> Iterator[int]:
    for name in path:
        yield layouts[parent].children[name]
        parent = name
