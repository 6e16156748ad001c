"""Counted: how many rows of each product an answer holds, as whoever asked sees them.

A row counts once for each place where it stands; an aggregate's row counts as one, a null not at all, and neither does
a row that only tells whether there is a next page. What an engine wrote as finished JSON is read for it where lists
stand in lists; a list by itself came with its number of rows.

Only done for whoever wants to know (`Before`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from resolvers.bind import Request
from resolvers.encode import page_of
from resolvers.run import Row
from resolvers.steps import Plan
from schema.query import (
    Block,
    ByKeys,
    Connection,
    Edges,
    Many,
    Nest,
    Node,
    One,
    PageInfo,
    ShapeField,
    Total,
    blocks_of,
)

_Showing = One | Many | Edges | ByKeys | PageInfo | Total


@dataclass(frozen=True, slots=True)
class _Inside:
    """Rows of a product in finished JSON: under which keys of an object they stand, and what stands in them."""

    keys: tuple[str, ...]
    product: str
    below: tuple[_Inside, ...]


class Counted:
    """Counts for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._roots, self._layouts = plan.query.logical.blocks, plan.layouts
        self._products = {block.name: block.product for block in blocks_of(self._roots)}
        shown = list(_showing(plan.query.logical.shape))
        self._shown = {field.block for field in shown}
        inside = {field.block: field.fields for field in shown if isinstance(field, One | Many)}
        self._inside = {name: tuple(self._below(fields, ())) for name, fields in inside.items()}

    def rows(self, rows: Mapping[str, list[Row]], request: Request) -> Mapping[str, int]:
        """The rows of each product; products without any are left out."""
        found: dict[str, int] = {}
        for block in self._roots:
            if block.name in self._shown:
                self._root(block, rows.get(block.name) or [], request, found)
        return {product: count for product, count in found.items() if count}

    def _root(self, block: Block, rows: list[Row], request: Request, found: dict[str, int]) -> None:
        form = self._layouts[block.name].form
        if form == "rows":
            self._rows(block, rows, request, found)
            return
        _add(found, block.product, int(str(rows[0][1])) if form == "array" else len(rows))
        below = self._inside[block.name]
        if not below:
            return
        for row in rows:
            said = orjson.loads(row[0])  # type: ignore[arg-type]  # JSON text
            for item in said if isinstance(said, list) else [said]:
                _objects(item, below, found)

    def _rows(self, block: Block, rows: list[Row], request: Request, found: dict[str, int]) -> None:
        """Rows of a block in one place: those that are shown, and what stands below them."""
        if block.exact and len(rows) != 1:
            return
        shown = [row for row in page_of(block)(rows, request) if row is not None]
        shown = shown[:1] if block.one else shown
        _add(found, block.product, len(shown))
        layout = self._layouts[block.name]
        for child in block.children:
            at = layout.children.get(child.name)
            if at is None or child.name not in self._shown:
                continue
            for row in shown:
                value = row[at]
                if value is None:
                    continue
                if child.name in layout.finished:
                    self._finished(child, value, layout.parsed, found)
                elif isinstance(value, list):
                    self._rows(child, value, request, found)

    def _finished(self, child: Block, value: object, parsed: bool, found: dict[str, int]) -> None:
        below = self._inside[child.name]
        if not below and (child.one or child.aggregate):
            _add(found, child.product, 1)  # an object: nothing in it has to be read
            return
        said = value if parsed else orjson.loads(value)  # type: ignore[arg-type]  # JSON text
        _objects({"": said}, (_Inside(("",), child.product, below),), found)

    def _below(self, fields: tuple[ShapeField, ...], keys: tuple[str, ...]) -> Iterator[_Inside]:
        for field in fields:
            if isinstance(field, One | Many):
                here = (*keys, field.key)
                yield _Inside(here, self._products[field.block], tuple(self._below(field.fields, ())))
            elif isinstance(field, Nest | Connection):
                yield from self._below(field.fields, (*keys, field.key))


def _objects(item: object, below: tuple[_Inside, ...], found: dict[str, int]) -> None:
    for inside in below:
        value = item
        for key in inside.keys:
            value = value[key] if isinstance(value, dict) else None
        objects = value if isinstance(value, list) else [value] if value is not None else []
        _add(found, inside.product, len(objects))
        if inside.below:
            for one in objects:
                _objects(one, inside.below, found)


def _add(found: dict[str, int], product: str, count: int) -> None:
    found[product] = found.get(product, 0) + count


def _showing(fields: tuple[ShapeField, ...]) -> Iterator[_Showing]:
    """Every field that takes rows from a block, at any depth."""
    for field in fields:
        if isinstance(field, _Showing):
            yield field
        if isinstance(field, One | Many | Edges | ByKeys | Nest | Node | Connection):
            yield from _showing(field.fields)
