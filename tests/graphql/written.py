"""A LogicalQuery as text, for goldens: blocks with their SQL, binds, limits, and the answer's shape as a tree."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from schema.query import Block, LogicalQuery, Pick, ShapeField, Slot

FLAGS = ("one", "exact", "aggregate", "probe", "reverse")


def written(query: LogicalQuery) -> str:
    lines = [line for block in query.blocks for line in _block(block, "")]
    lines += ["", *(_slot(slot) for slot in query.slots.values())]
    lines += [f"limit {limit.slot}: at most {limit.most}" for limit in query.limits]
    lines += ["products " + ", ".join(sorted(query.products)), "", "data"]
    lines += [line for field in query.shape for line in _field(field, "  ")]
    return "\n".join(lines) + "\n"


def _block(block: Block, indent: str) -> Iterator[str]:
    flags = " ".join(flag for flag in FLAGS if getattr(block, flag))
    via = f" through {block.relationship}" if block.relationship else ""
    yield f"{indent}{block.name}: {block.product}{via} {flags}".rstrip()
    for line in block.select.sql(pretty=True).splitlines():
        yield f"{indent}  {line}"
    yield f"{indent}  -- {', '.join(f'{output.alias} {output.type}' for output in block.outputs)}"
    for child in block.children:
        yield from _block(child, indent + "    ")


def _slot(slot: Slot) -> str:
    parts = [f":{slot.name}", str(slot.type) + ("[]" if slot.many else ""), slot.origin]
    if slot.path:
        parts.append("$" + ".".join(map(str, slot.path)))
    if slot.value is not None:
        parts.append(repr(slot.value))
    if slot.origin in ("cursor", "node"):
        parts.append(f"[{slot.index}]")
    if slot.seal:
        parts.append(f"sealed for {slot.seal}")
    return " ".join([*parts, slot.transform or ""]).rstrip()


def _field(field: ShapeField | Pick, indent: str) -> Iterator[str]:
    values = {f.name: getattr(field, f.name) for f in dataclasses.fields(field)}
    key, inner = values.pop("key"), values.pop("fields", None) or values.pop("pick", ())
    values.pop("pick", None)
    cursor = values.pop("cursor", None)
    said = " ".join(f"{name}={json.dumps(value, default=str)}" for name, value in values.items() if value is not None)
    yield f"{indent}{key}: {type(field).__name__} {said}".rstrip()
    for item in inner:
        if isinstance(item, tuple):
            yield f"{indent}  {item[0]}: {item[1]}"
        else:
            yield from _field(item, indent + "  ")
    if cursor is not None:
        yield from _field(cursor, indent + "  ")
