"""A difference as text for a terminal and as JSON for a pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from app.steward.diff import Change, Difference
from app.steward.diff_rules import RuleChange
from app.steward.explain_text import table


def diff_text(found: Difference) -> str:
    """What changes for whom, which rules changed, what breaks, and what is to be accepted."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Difference) -> Iterator[str]:
    callers = dict.fromkeys(change.caller for change in found.changes)
    for caller in callers:
        yield f"{caller}:"
        rows = [(_sign(c), _where(c), c.what, c.sentence) for c in found.changes if c.caller == caller]
        yield from table(rows, indent="  ")
    if not callers:
        yield "No persona sees anything else."
    if found.rules:
        yield "rules:"
        told = [
            (_sign(rule), rule.kind.replace("_", " "), rule.name, f"{rule.what} on {', '.join(rule.products)}")
            for rule in found.rules
        ]
        yield from table(told, indent="  ")
    for zone in dict.fromkeys(zone for zone, _ in found.breaking):
        yield f"breaks in the schema of zone {zone}:"
        yield from (f"  {sentence}" for at, sentence in found.breaking if at == zone)
    yield from _verdict(found)


def _verdict(found: Difference) -> Iterator[str]:
    widening = list(dict.fromkeys(one.name for one in found.widening))
    if not widening:
        yield "Access does not widen, or only as accepted."
        return
    yield f"Access may widen in {len(widening)} place{'s' if len(widening) != 1 else ''} not accepted; if meant:"
    yield from (f"  --accept '{name}'" for name in widening)


def _sign(one: Change | RuleChange) -> str:
    return " " if not one.widens else "ok" if one.accepted else "+"


def _where(change: Change) -> str:
    return ".".join(part for part in (change.product, change.column) if part) or "(papers)"


def diff_json(found: Difference) -> dict[str, object]:
    """The same as JSON."""
    return {
        "widens": bool(found.widening),
        "changes": [
            {
                "name": change.name,
                "caller": change.caller,
                "product": change.product,
                "column": change.column,
                "what": change.what,
                "sentence": change.sentence,
                "widens": change.widens,
                "accepted": change.accepted,
                "rules": list(change.rules),
            }
            for change in found.changes
        ],
        "rules": [
            {
                "name": rule.name,
                "kind": rule.kind,
                "what": rule.what,
                "products": list(rule.products),
                "widens": rule.widens,
                "accepted": rule.accepted,
            }
            for rule in found.rules
        ],
        "breaking": [{"zone": zone, "sentence": sentence} for zone, sentence in found.breaking],
    }
