"""The answer to ``customhouse access`` as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.steward.explain_text import maps, table

Json = Mapping[str, object]


def access_text(found: Json) -> str:
    """The value of `access` as text."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Json) -> Iterator[str]:
    tags = found["tags"]
    tagged = f", tags {', '.join(map(str, tags))}" if isinstance(tags, list) and tags else ""
    yield f"{found['column']}  {found['type']}{tagged}"
    for zone in maps(found, "zones"):
        yield ""
        yield f"zone {zone['zone']}"
        yield from _zone(zone)
    rows = [
        (
            str(one["persona"]),
            str(one["state"]),
            f"{one['reason']}{_at(one)}{_shown(one)}",
        )
        for one in maps(found, "personas")
    ]
    if rows:
        yield ""
        yield "personas"
        yield from table(rows, indent="  ")


def _zone(zone: Json) -> Iterator[str]:
    grants = maps(zone, "grants")
    if not grants:
        yield "  nobody: no grant gives this column"
    for grant in grants:
        who = f"callers with {grant['when']}" if grant["when"] else "every caller"
        rows = f", on rows where {grant['rows']}" if grant["rows"] else ", on every row"
        lifts = grant["lifts"]
        clear = f"; lifts {', '.join(map(str, lifts))}" if isinstance(lifts, list) and lifts else ""
        tokens = "; may look its tokens up" if grant["detokenizes"] else ""
        yield f"  grant {grant['rule']}{_at(grant)}: {who}{rows}{clear}{tokens}"
    for mask in maps(zone, "masks"):
        reveal = f"; revealed when {mask['reveal_when']}" if mask["reveal_when"] else "; never revealed"
        yield f"  mask {mask['rule']}{_at(mask)}, by {mask['level']}: {mask['mask']}{reveal}"
    for limit in maps(zone, "limits"):
        yield f"  {str(limit['kind']).replace('_', ' ')} {limit['rule']}{_at(limit)}: {limit['text']}"


def _at(one: Json) -> str:
    return f" ({one['at']})" if one["at"] else ""


def _shown(one: Json) -> str:
    mask = f" [{one['mask']}]" if one["mask"] else ""
    rows = f"; rows where {one['rows']}" if one["rows"] not in ("every row", "no row") else ""
    return mask + rows
