"""An explanation as a page of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

Json = Mapping[str, object]


def explain_text(found: Json) -> str:
    """The value of `explain_json` or `product_json` as text."""
    lines: list[str] = []
    for product in maps(found, "products"):
        lines += [*_product(product), ""]
    for number, statement in enumerate(maps(found, "statements"), 1):
        lines += [*_statement(number, statement), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def maps(found: Json, key: str) -> list[Json]:
    value = found.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def maps_of(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _product(product: Json) -> Iterator[str]:
    yield str(product["rows"])
    if product["condition"] not in ("every row", "no row"):
        yield f"  rows where {product['condition']}"
    columns = [
        (str(c["column"]), str(c["state"]), _by(c, "reason") + (f" [{c['mask']}]" if c["mask"] else ""))
        for c in maps(product, "columns")
    ]
    yield from table(columns, indent="  ")
    rules = [
        (f"{r['kind']}".replace("_", " "), str(r["effect"]), f"{r['rule']} {r['reason']}{_where(r)}")
        for r in maps(product, "rules")
    ]
    if rules:
        yield "  rules:"
        yield from table(rules, indent="    ")


def _by(item: Json, what: str) -> str:
    return f"{item[what]}{_where(item)}"


def _where(item: Json) -> str:
    return f" ({item['at']})" if item["at"] else ""


def _did(statement: Json) -> str:
    if "rows" not in statement:
        return ""
    calls = statement["calls"]
    return f" [{statement['rows']} rows, {calls} call{'' if calls == 1 else 's'}, {statement['milliseconds']} ms]"


def _statement(number: int, statement: Json) -> Iterator[str]:
    after = f", after {statement['after']}" if statement["after"] else ""
    about = f"'{statement['source']}' for {statement['product']}{after}{_did(statement)}"
    if "lookup" in statement:
        yield f"look-up {number} in source {about}: {', '.join(map(str, maps_of(statement['lookup'])))}"
        return
    yield f"statement {number} on source {about}:"
    yield f"  {statement['sql']}"
    for position, bind in enumerate(maps(statement, "binds"), 1):
        value = bind["value"]
        shown = value if isinstance(value, str) and value.startswith("<") else orjson.dumps(value).decode()
        yield f"  {position:>3}  {bind['type']}  {bind['origin']} {bind['name']} = {shown}"


def table(rows: Sequence[tuple[str, ...]], indent: str = "") -> Iterator[str]:
    """Aligned columns; the last one runs on."""
    if not rows:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield (indent + "  ".join([*cells, row[-1]])).rstrip()
