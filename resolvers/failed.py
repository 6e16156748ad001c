"""Failed: where in an answer the objects stand that a source could not give, so that each null has its error.

Only walked when something failed. At most `MOST_PLACES` are named for a block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from resolvers.bind import Request
from resolvers.encode import page_of
from resolvers.run import Row
from resolvers.steps import Layout, Plan
from schema.query import Block, ByKeys, Connection, Edges, Many, Nest, Node, One, ShapeField, blocks_of

MOST_PLACES = 100
Path = tuple[str | int, ...]


def failed_places(
    plan: Plan, rows: Mapping[str, list[Row]], names: frozenset[str], request: Request, most: int = MOST_PLACES
) -> Iterator[tuple[str, Path]]:
    """The blocks and paths of the objects that are null because these blocks failed, in the answer's order."""
    roots = plan.query.logical.blocks
    walker = _Walker({block.name: block for block in blocks_of(roots)}, plan.layouts, names, request)
    places = {block.name: index for index, block in enumerate(roots)}
    root: Row = [rows.get(block.name, []) for block in roots]
    said: Counter[str] = Counter()
    for name, path in walker.fields(plan.query.logical.shape, root, places, ()):
        said[name] += 1
        if said[name] <= most:
            yield name, path


class _Walker:
    def __init__(
        self, blocks: Mapping[str, Block], layouts: Mapping[str, Layout], names: frozenset[str], request: Request
    ) -> None:
        self._blocks, self._layouts, self._names, self._request = blocks, layouts, names, request

    def fields(
        self, fields: tuple[ShapeField, ...], row: Row, places: Mapping[str, int], path: Path
    ) -> Iterator[tuple[str, Path]]:
        for field in fields:
            match field:
                case Nest(key=key, fields=inner) | Connection(key=key, fields=inner) | Node(key=key, fields=inner):
                    yield from self.fields(inner, row, places, (*path, key))
                case One(key=key, block=name, fields=inner) if name in places:
                    found = row[places[name]]
                    if found is None and name in self._names:
                        yield name, (*path, key)
                    elif isinstance(found, list) and found:
                        yield from self._row(inner, found[0], name, (*path, key))
                case Many(key=key, block=name, fields=inner) | Edges(key=key, block=name, fields=inner):
                    yield from self._rows(inner, row, places.get(name), name, (*path, key))
                case ByKeys(key=key, block=name, fields=inner):
                    yield from self._rows(inner, row, places.get(name), name, (*path, key))
                case _:
                    pass

    def _rows(
        self, fields: tuple[ShapeField, ...], row: Row, at: int | None, name: str, path: Path
    ) -> Iterator[tuple[str, Path]]:
        found = row[at] if at is not None else None
        if not isinstance(found, list) or self._layouts[name].form != "rows":
            return
        for index, one in enumerate(page_of(self._blocks[name])(found, self._request)):
            if one is not None:
                yield from self._row(fields, one, name, (*path, index))

    def _row(self, fields: tuple[ShapeField, ...], row: Row, name: str, path: Path) -> Iterator[tuple[str, Path]]:
        layout = self._layouts[name]
        places = {child: at for child, at in layout.children.items() if child not in layout.finished}
        yield from self.fields(fields, row, places, path)
