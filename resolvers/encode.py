"""Encode: rows and the answer's shape become the bytes of ``data``.

The shape is compiled once per plan into nested functions, so that encoding a row is a dict display and a few look-ups;
no value passes through a per-field resolver. What an engine wrote as finished JSON is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import itemgetter

import orjson
from sqlglot import exp

from resolvers.bind import Request
from resolvers.natural import natural
from resolvers.run import Row, rows_at
from resolvers.steps import Form, Layout, Plan
from schema.query import (
    Block,
    ByKeys,
    Connection,
    Cursor,
    Edges,
    Leaf,
    Literal_,
    Many,
    Nest,
    Node,
    NodeId,
    One,
    PageInfo,
    Pick,
    ShapeField,
    Stale,
    Status,
    Total,
    blocks_of,
)
from schema.types import Type

Json = object
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)
Write = Callable[[Row, Request], Json]
"""Writes one value of the answer from a row (at the root: from the list of the root blocks' rows)."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """``fields`` are the root's (response key, writer, blocks it needs). ``order`` gives each root block its place."""

    fields: tuple[tuple[str, Write, frozenset[str]], ...]
    order: tuple[str, ...]

    def encode(self, rows: Mapping[str, list[Row]], failed: frozenset[str], request: Request) -> dict[str, Json]:
        """The ``data`` of an answer; a root that needs a failed block is null."""
        root: Row = [rows.get(name, []) for name in self.order]
        if not failed:
            return {key: write(root, request) for key, write, _ in self.fields}
        return {key: None if needs & failed else write(root, request) for key, write, needs in self.fields}


def encoder(plan: Plan) -> Encoder:
    """Compile the encoder of a plan."""
    roots = plan.query.logical.blocks
    places = {block.name: index for index, block in enumerate(roots)}
    compiler = _Compiler({block.name: block for block in blocks_of(roots)}, plan.layouts)
    fields = tuple(
        (field.key, compiler.field(field, places, None), frozenset(_needs(field))) for field in plan.query.logical.shape
    )
    return Encoder(fields, tuple(places))


def _needs(field: ShapeField) -> set[str]:
    found = {field.block} if isinstance(field, One | Many | Edges | PageInfo | Total | ByKeys) else set()
    if isinstance(field, Connection | Nest):
        for inner in field.fields:
            found |= _needs(inner)
    return found


class _Compiler:
    def __init__(self, blocks: Mapping[str, Block], layouts: Mapping[str, Layout]) -> None:
        self._blocks, self._layouts = blocks, layouts

    def field(self, field: ShapeField, places: Mapping[str, int], block: Block | None) -> Write:
        """The writer of a field, in a row where child blocks' rows stand at ``places``."""
        match field:
            case Leaf(index=index, pick=pick):
                text = block is not None and index in self._layouts[block.name].texts
                if pick:
                    return _picked(index, pick, text)
                return _text(index) if text else _leaf(index)
            case Total(block=name, index=index):
                return self._total(places[name], self._blocks[name], index)
            case Literal_(value=value):
                return lambda row, request: value
            case Nest(fields=fields) | Connection(fields=fields) | Node(fields=fields):
                return self._object(fields, places, block)
            case One(block=name) | Many(block=name) if block is not None and self._is_finished(name, block):
                return _leaf(places[name]) if self._layouts[block.name].parsed else _text(places[name])
            case One(block=name, fields=fields):
                return self._one(places[name], self._blocks[name], fields)
            case Many(block=name) if self._layouts[name].form != "rows":
                return _whole(places[name], self._layouts[name].form)
            case Many(block=name, fields=fields) | Edges(block=name, fields=fields):
                return self._many(places[name], self._blocks[name], fields)
            case Cursor(indexes=indexes, seal=seal):
                return _cursor(indexes, seal)
            case NodeId(indexes=indexes, product=product):
                return lambda row, request: request.sealer.seal("node", (product, *(row[at] for at in indexes)), "")
            case Status() | Stale():
                return _said(field)
            case ByKeys(block=name, fields=fields):
                return self._by_keys(places[name], self._blocks[name], fields)
            case PageInfo():
                return _page_info(field, places[field.block], self._blocks[field.block])

    def _object(self, fields: tuple[ShapeField, ...], places: Mapping[str, int], block: Block | None) -> Write:
        return _displayed(self._parts(fields, places, block))

    def _parts(self, fields: tuple[ShapeField, ...], places: Mapping[str, int], block: Block | None) -> Parts:
        layout = self._layouts[block.name] if block is not None else None
        parts: Parts = []
        for field in fields:
            plain = isinstance(field, Leaf) and not field.pick and (layout is None or field.index not in layout.texts)
            parts.append((field.key, field.index if plain else self.field(field, places, block)))  # type: ignore[union-attr]
        return parts

    def _is_finished(self, name: str, parent: Block) -> bool:
        return name in self._layouts[parent.name].finished

    def _row(self, block: Block, fields: tuple[ShapeField, ...]) -> Write:
        return self._object(fields, self._layouts[block.name].children, block)

    def _one(self, at: int, block: Block, fields: tuple[ShapeField, ...]) -> Write:
        write, empty, exact = self._row(block, fields), self._empty(block), block.exact
        always = block.aggregate or block.entity

        def one(row: Row, request: Request) -> Json:
            rows: list[Row] | None = row[at]  # type: ignore[assignment]  # a Layout's child position holds rows
            if rows is None:
                return None  # it failed, and an error says so
            if len(rows) == 1 or (rows and not exact):
                return write(rows[0], request)
            return write(empty, request) if always else None

        return one

    def _empty(self, block: Block) -> Row:
        """The row that stands for none: what a block gives of itself, and no rows below it."""
        layout = self._layouts[block.name]
        below: Row = [[] for _ in range(max(layout.children.values(), default=-1) + 1 - len(layout.empty))]
        return [*layout.empty, *below]

    def _by_keys(self, at: int, block: Block, fields: tuple[ShapeField, ...]) -> Write:
        write, empty, entity = self._row(block, fields), self._empty(block), block.entity

        def by_keys(row: Row, request: Request) -> Json:
            found: list[Row | None] = row[at]  # type: ignore[assignment]
            return [
                write(one, request) if one is not None else write(empty, request) if entity else None for one in found
            ]

        return by_keys

    def _total(self, at: int, block: Block, index: int) -> Write:
        empty = list(self._layouts[block.name].empty)

        def total(row: Row, request: Request) -> Json:
            rows = rows_at(row, at)
            return (rows[0] if rows else empty)[index]

        return total

    def _many(self, at: int, block: Block, fields: tuple[ShapeField, ...]) -> Write:
        write, page = _each(self._parts(fields, self._layouts[block.name].children, block)), page_of(block)
        if not block.probe:
            return lambda row, request: write(rows_at(row, at), request)
        return lambda row, request: write(page(rows_at(row, at), request), request)


def _leaf(index: int) -> Write:
    get = itemgetter(index)
    return lambda row, request: get(row)


def _said(field: Status | Stale) -> Write:
    """What a feature view's row says of itself."""
    if isinstance(field, Stale):
        return _stale(field.index, field.type, field.ttl)
    index = field.index
    return lambda row, request: "MISSING" if row[index] is None else "PRESENT"


def _stale(index: int, type_: Type, ttl: float) -> Write:
    """Whether a moment, as of the start of this minute, is longer ago than it should be."""

    def stale(row: Row, request: Request) -> Json:
        when = natural(row[index], type_)
        if not isinstance(when, date):
            return None
        moment = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return request.minute * 60 - moment.timestamp() > ttl

    return stale


def _text(index: int) -> Write:
    """JSON text that an engine wrote, or null."""
    return lambda row, request: None if row[index] is None else orjson.Fragment(row[index])  # type: ignore[arg-type]


def _whole(at: int, form: Form) -> Write:
    """The rows of a long list, written by the engine."""
    if form == "array":
        return lambda row, request: orjson.Fragment(rows_at(row, at)[0][0])  # type: ignore[arg-type]
    return lambda row, request: orjson.Fragment("[" + ",".join([str(inner[0]) for inner in rows_at(row, at)]) + "]")


Parts = list[tuple[str, "int | Write"]]
"""The keys of an object with the position of a value in the row, or what writes it."""


def _display(parts: Parts) -> tuple[str, dict[str, object]]:
    """An object as the text of a dict display, and the names in it.

    Keys stand in it as constants, which makes it twice as fast: they are GraphQL names, and nothing else may be. Only
    they and integers are spliced.
    """
    if not all(_NAME.fullmatch(key) for key, _ in parts):
        raise ValueError("a response key is a GraphQL name")
    items = ", ".join(
        f'"{key}": row[{part}]' if isinstance(part, int) else f'"{key}": w[{place}](row, request)'
        for place, (key, part) in enumerate(parts)
    )
    return f"{{{items}}}", {"w": tuple(part for _, part in parts)}


def _displayed(parts: Parts) -> Write:
    """An object as one generated dict display (twice as fast as a comprehension)."""
    text, names = _display(parts)
    write: Write = eval(f"lambda row, request: {text}", names)
    return write


def _each(parts: Parts) -> Callable[[list[Row], Request], list[Json]]:
    """The same for every row of a list, without a call for each."""
    text, names = _display(parts)
    write: Callable[[list[Row], Request], list[Json]] = eval(f"lambda rows, request: [{text} for row in rows]", names)
    return write


def _cursor(indexes: tuple[int, ...], seal: str) -> Write:
    return lambda row, request: request.sealer.seal("cursor", tuple(row[at] for at in indexes), seal)


def _picked(index: int, picks: tuple[Pick, ...], text: bool) -> Write:
    if text:
        return lambda row, request: None if row[index] is None else _pick(orjson.loads(row[index]), picks)  # type: ignore[arg-type]
    return lambda row, request: _pick(row[index], picks)


def _pick(value: Json, picks: tuple[Pick, ...]) -> Json:
    """Some fields of a struct, or of each struct of an array."""
    if isinstance(value, list):
        return [_pick(item, picks) for item in value]
    if not isinstance(value, dict):
        return None
    return {
        pick.key: pick.value
        if pick.field is None
        else _pick(value.get(pick.field), pick.fields)
        if pick.fields
        else value.get(pick.field)
        for pick in picks
    }


def page_size(block: Block, request: Request) -> int:
    """How many rows a page of a probing block holds: its LIMIT asks for one more."""
    limit = block.select.args["limit"].expression
    if isinstance(limit, exp.Literal):
        return int(limit.name) - 1
    slot = limit.find(exp.Placeholder).name
    return int(str(request.value(request.slots[slot])))


def page_of(block: Block) -> Callable[[list[Row], Request], list[Row]]:
    """The rows of a page: without the probe row, which tells only that there is more (in front where reversed)."""
    if not block.probe:
        return lambda rows, request: rows
    if block.reverse:
        return lambda rows, request: rows[-size:] if (size := page_size(block, request)) else []
    return lambda rows, request: rows[: page_size(block, request)]


def _page_info(field: PageInfo, at: int, block: Block) -> Write:
    cursor, page = _cursor(field.cursor.indexes, field.cursor.seal), page_of(block)

    def write(row: Row, request: Request) -> Json:
        rows = rows_at(row, at)
        shown = page(rows, request)
        more = len(rows) > len(shown)
        said: dict[str, Callable[[], Json]] = {
            "hasNextPage": lambda: field.anchored if field.backward else more,
            "hasPreviousPage": lambda: more if field.backward else field.anchored,
            "startCursor": lambda: cursor(shown[0], request) if shown else None,
            "endCursor": lambda: cursor(shown[-1], request) if shown else None,
            "__typename": lambda: "PageInfo",
        }
        return {key: said[what]() for key, what in field.fields}

    return write
