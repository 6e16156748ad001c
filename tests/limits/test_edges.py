"""Each limit at its edge: so much is allowed, one more is refused, with its code; and zones set their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

import pytest

from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from schema.limits import PARTNERS_COST, WRITTEN, Limits
from schema.load import load_catalog
from schema.zone import CallerRate, Rate, Zone
from tests.graphql.asking import CATALOG, front_end, refused

USUAL, OTHERS = 6, {"characters": 12, "introspection_depth": 12, "directives_at_one_place": 1}
"""The limit that is set in each case: so small where nothing else has to be written."""
PLACE = ("@include(if: true)", "@skip(if: false)")
WIDE = Limits(**{name: limit.most for name, limit in WRITTEN.items()})
NESTED = "query ($w: PlaneWhere) { planes(where: $w) { totalCount } }"
LISTED = "query ($w: FlightWhere) { flights(where: $w) { totalCount } }"
Asked = tuple[str, Mapping[str, object]]


def text(make: Callable[[int], str]) -> Callable[[int], Asked]:
    return lambda n: (make(n), {})


def not_(n: int) -> dict[str, object]:
    return {} if n == 1 else {"not": not_(n - 1)}


def literal(n: int) -> str:
    return "{}" if n == 1 else f"{{not: {literal(n - 1)}}}"


def fields_below(n: int) -> str:
    ways = ["planes", "nodes", "flights", "nodes", "plane", "model"]
    return "{ " + " { ".join([*ways[: n - 1], "__typename"]) + " }" * n


def types_below(n: int) -> str:
    return "{ __schema { types { fields { type { " + "ofType { " * (n - 4) + "name" + " }" * (n + 1)


CASES: dict[str, tuple[str, Callable[[int], Asked]]] = {
    "characters": ("CH102", text(lambda n: "{__typename}".ljust(n))),
    "tokens": ("CH102", text(lambda n: "{ " + "__typename " * (n - 2) + "}")),
    "operations": ("CH103", text(lambda n: " ".join(f"query Q{at} {{ __typename }}" for at in range(n)))),
    "fragments": (
        "CH103",
        text(
            lambda n: (
                "{ planes { nodes { "
                + " ".join(f"...F{at}" for at in range(n))
                + " } } } "
                + " ".join(f"fragment F{at} on Plane {{ model }}" for at in range(n))
            )
        ),
    ),
    "nesting": ("CH103", text(lambda n: "{ ... " * (n - 1) + "{ __typename " + "} " * n)),
    "depth": ("CH103", text(fields_below)),
    "introspection_depth": ("CH103", text(types_below)),
    "fields": ("CH103", text(lambda n: "{ planes { totalCount " + "totalCount " * (n - 2) + "} }")),
    "aliases": ("CH103", text(lambda n: "{ " + " ".join(f"a{at}: __typename" for at in range(n)) + " }")),
    "root_fields": ("CH103", text(lambda n: "{ " + "__typename " * n + "}")),
    "directives": ("CH103", text(lambda n: "{ " + "__typename @include(if: true) " * n + "}")),
    "directives_at_one_place": ("CH103", text(lambda n: "{ __typename " + " ".join(PLACE[:n]) + " }")),
    "input_depth": ("CH103", text(lambda n: "{ planes(where: " + literal(n) + ") { totalCount } }")),
    "variable_parts": ("CH108", lambda n: (NESTED, {"w": not_(n)})),
    "list_items": ("CH108", lambda n: (LISTED, {"w": {"carrier": {"in": ["x"] * n}}})),
}
"""By limit: its code, and a request that holds so much of what it bounds."""


def codes(limits: Limits, asked: Asked) -> list[object]:
    return [error["code"] for error in refused(front_end(limits), *asked, "Q0" if "query Q0" in asked[0] else None)]


@pytest.mark.parametrize("name", CASES)
def test_so_much_is_allowed_and_no_more(name: str) -> None:
    code, make = CASES[name]
    most = OTHERS.get(name, USUAL)
    limits = replace(WIDE, **{name: most})
    assert codes(limits, make(most)) == []
    assert codes(limits, make(most + 1)) == [code]


def test_variables_are_as_deep_as_arguments() -> None:
    limits = replace(WIDE, input_depth=USUAL)
    assert codes(limits, (NESTED, {"w": not_(USUAL)})) == []
    assert codes(limits, (NESTED, {"w": not_(USUAL + 1)})) == ["CH108"]


def test_every_limit_has_its_case() -> None:
    """The cost is tried over HTTP (`test_http`)."""
    assert CASES.keys() | {"cost"} == {field.name for field in fields(Limits)} == WRITTEN.keys()


def test_the_zone_says_what_its_documents_may_hold() -> None:
    zone = next(iter(CATALOG.zones.values()))
    narrow = replace(CATALOG, zones={zone.name: replace(zone, limits=Limits(root_fields=2))})
    assert refused(GraphQLFrontEnd(narrow, zone.name), "{ __typename __typename __typename }")[0]["code"] == "CH103"


def zones(folder: Path, said: str) -> Mapping[str, Zone]:
    (folder / "customhouse.yaml").write_text(
        "version: 1\nissuers: {dev: {issuer: x, audiences: [a], development: true}}\n"
        f"zones:\n  internal: {{issuers: [dev], limits: {said}}}\n  other: {{issuers: [dev]}}\n"
    )
    return load_catalog(folder, None).zones


def test_what_zones_say(tmp_path: Path) -> None:
    said = {limit.key: at + 50 if limit.most > 100 else 40 for at, limit in enumerate(WRITTEN.values())}
    more = {"max_header_bytes": "8KiB", "max_token_bytes": 4096, "show_cost": "false"}
    rates = "{requests: 600/1m, cost: 100000/1m}"
    written = ", ".join(f"{key}: {value}" for key, value in {**said, **more, "rate": rates}.items())
    zone = zones(tmp_path, "{" + written + "}")["internal"]
    assert {limit.key: getattr(zone.limits, name) for name, limit in WRITTEN.items()} == said
    assert (zone.max_header_bytes, zone.max_token_bytes, zone.show_cost) == (8192, 4096, False)
    assert zone.rate == CallerRate(Rate(600, 60.0), Rate(100_000, 60.0))


def test_what_is_usual(tmp_path: Path) -> None:
    found = zones(tmp_path, "{}")
    inside, partners = found["internal"], found["other"]
    assert (inside.limits, partners.limits) == (Limits(), Limits(cost=PARTNERS_COST))
    assert (inside.show_cost, partners.show_cost) == (True, False)
    assert not inside.rate.some and not partners.rate.some
