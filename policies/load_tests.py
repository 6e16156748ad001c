"""The in-file tests of policy files: who asks what, and what must come back."""

from __future__ import annotations

from collections.abc import Iterable

from policies.rules import PolicyTest
from schema.catalog import Catalog
from schema.errors import LoadError
from schema.names import did_you_mean
from schema.yaml_source import Entries, plain


def read_tests(items: Iterable[Entries], catalog: Catalog, errors: list[LoadError]) -> tuple[PolicyTest, ...]:
    """Read ``tests:``. CH423: a claim or zone that is not declared, neither or both of ``want`` and ``error``."""
    found = []
    for item in items:
        before = len(errors)
        for claim, entry in item.map("as").entries.items():
            if claim not in catalog.claims:
                hint = did_you_mean(claim, catalog.claims) or "Declare it under 'claims:' in customhouse.yaml."
                errors.append(LoadError(entry.place, "CH423", f"The claim '{claim}' is not declared.", hint))
        if item.has("want") is item.has("error"):
            hint = "'want' is the rows of the answer, 'error' the code of the refusal."
            errors.append(LoadError(item.place, "CH423", "A test needs either 'want' or 'error'.", hint))
        zone = _zone(item, catalog, errors)
        if len(errors) == before and zone is not None:
            found.append(_test(item, zone))
    return tuple(found)


def _zone(item: Entries, catalog: Catalog, errors: list[LoadError]) -> str | None:
    """The zone asked for, else the first one."""
    zone = item.text("zone") or next(iter(catalog.zones), None)
    if zone in catalog.zones:
        return zone
    hint = did_you_mean(zone, catalog.zones) if zone else "Declare a zone in customhouse.yaml."
    errors.append(LoadError(item.at("zone"), "CH423", f"There is no zone '{zone}'.", hint))
    return None


def _test(item: Entries, zone: str) -> PolicyTest:
    claims = plain(item.map("as"))
    want = plain(item.get("want")) if item.has("want") else None  # type: ignore[arg-type]  # present: has said so
    return PolicyTest(
        place=item.place,
        zone=zone,
        claims=claims if isinstance(claims, dict) else {},
        purpose=item.text("purpose"),
        query=item.text("query") or "",
        want=tuple(tuple(row) for row in want) if isinstance(want, list) else None,
        error=item.text("error"),
    )
