"""Finished: which blocks of an answer an engine can write as they will be sent, key by key, with nothing left to do.

A block is finished if one field of the answer alone shows its rows, and shows them as they are: plain values,
constants, objects of those, and rows of finished children in the same statement. Cursors, node ids, page probes, picked
structs and figures that may be missing are the gateway's to write. Names are the answer's own keys, which the GraphQL
grammar keeps to letters, digits and underscores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from schema.query import (
    Block,
    Connection,
    Edges,
    Leaf,
    Literal_,
    Many,
    Nest,
    Node,
    One,
    PageInfo,
    ShapeField,
    Total,
    blocks_of,
)

LONGEST_KEY = 63
"""Bytes of a column's name in PostgreSQL: a longer one would be cut."""

Fields = tuple[ShapeField, ...]


def finished(shape: Fields, roots: tuple[Block, ...], fits: Callable[[Block, Block], bool]) -> Mapping[str, Fields]:
    """The fields of each finished block, by its name. ``fits``: a child can stand in its parent's statement."""
    shown = list(_shown(shape))
    times = Counter(field.block for field in shown)
    fields = {field.block: field.fields for field in shown if isinstance(field, One | Many) and times[field.block] == 1}
    found: dict[str, Fields] = {}
    for block in reversed(blocks_of(roots)):  # children before parents
        inside = {child.name for child in block.children if child.name in found and fits(child, block)}
        if block.name in fields and _as_it_is(block) and all(_plain(field, inside) for field in fields[block.name]):
            found[block.name] = fields[block.name]
    return found


def _shown(fields: Fields) -> Iterator[One | Many | Edges | PageInfo | Total]:
    """Every field that takes rows from a block, at any depth."""
    for field in fields:
        if isinstance(field, One | Many | Edges | PageInfo | Total):
            yield field
        if isinstance(field, One | Many | Edges | Nest | Node | Connection):
            yield from _shown(field.fields)


def _as_it_is(block: Block) -> bool:
    """Rows need no cutting, turning or counting, and a figure over nothing comes from the engine itself."""
    if block.probe or block.reverse or block.exact or block.entity:
        return False
    return not block.aggregate or not (block.select.args.get("having") or block.select.args.get("group"))


def _plain(field: ShapeField, inside: set[str]) -> bool:
    if len(field.key) > LONGEST_KEY:
        return False
    match field:
        case Leaf(pick=pick):
            return not pick
        case Literal_(value=value):
            return isinstance(value, str)
        case Nest(fields=fields) | Connection(fields=fields):
            return all(_plain(inner, inside) for inner in fields)
        case One(block=name) | Many(block=name):
            return name in inside
        case _:
            return False
