"""Limits: what is too large is refused before anything walks it, counted in steps, not in time."""

from __future__ import annotations

import pytest
from graphql import parse

from resolvers.frontends.graphql.limits import measure
from schema.errors import Refusal
from schema.limits import Limits
from tests.graphql.asking import front_end, refused


def bomb(levels: int, spreads: int = 2) -> str:
    """Fragments that each spread the next one several times: a document of n lines that expands to 2^n fields."""
    spread = " ".join("...F{}" for _ in range(spreads))
    lines = [f"fragment F{n} on FlightConnection {{ {spread.replace('{}', str(n + 1))} }}" for n in range(levels)]
    return "{ flights { ...F0 } }\n" + "\n".join(lines) + f"\nfragment F{levels} on FlightConnection {{ totalCount }}"


def nested_bomb(levels: int) -> str:
    """The same through fields, which no per-level set of visited fragments would catch."""
    lines = [
        f"fragment F{n} on Plane {{ a: flights {{ nodes {{ plane {{ ...F{n + 1} }} }} }} "
        f"b: flights {{ nodes {{ plane {{ ...F{n + 1} }} }} }} }}"
        for n in range(levels)
    ]
    return "{ planes { nodes { ...F0 } } }\n" + "\n".join(lines) + f"\nfragment F{levels} on Plane {{ model }}"


TOO_LARGE = {
    "fragments that spread the next twice": (bomb(24), "CH103", "fields, fragments written out"),
    "fragments that spread the next ten times": (bomb(90, 10), "CH103", "fields, fragments written out"),
    "fragments that double through fields": (nested_bomb(24), "CH103", "levels of fields"),
    "inline fragments in each other": ("{ " + "... { " * 110 + "__typename" + " }" * 111, "CH103", "levels of nesting"),
    "very deep nesting": ("{ a" * 1300 + " }" * 1300, "CH103", "nested too deeply"),
    "deep relationships": (
        "{ planes { nodes { " + "flights { nodes { plane { " * 4 + "model" + " } } }" * 4 + " } } }",
        "CH103",
        "12 levels of fields",
    ),
    "many aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "CH103", ""),
    "many aliases below": (
        "{ flights { " + " ".join(f"a{n}: totalCount" for n in range(101)) + " } }",
        "CH103",
        "100 aliases",
    ),
    "many roots": (
        "{ " + " ".join(f"a{n}: planes {{ totalCount }}" for n in range(21)) + " }",
        "CH103",
        "20 root fields",
    ),
    "many directives on one field": (
        "{ __typename " + "@include(if: true) " * 6 + "}",
        "CH103",
        "5 directives at one place",
    ),
    "many directives": ("{ flights { " + "totalCount @include(if: true) " * 51 + "} }", "CH103", "50 directives"),
    "many operations": (" ".join(f"query Q{n} {{ __typename }}" for n in range(21)), "CH103", "20 operations"),
    "many fragments": (
        "{ __typename } " + " ".join(f"fragment F{n} on Flight {{ id }}" for n in range(101)),
        "CH103",
        "100 fragments",
    ),
    "a deep filter": (
        "{ flights(where: " + "{not: " * 20 + "{}" + "}" * 20 + ") { totalCount } }",
        "CH103",
        "15 levels in an argument",
    ),
    "a long number": ("{ flights(first: " + "1" * 2000 + ") { totalCount } }", "CH103", "digits in a number"),
    "many tokens": ("{ " + "__typename " * 4001 + "}", "CH102", "4000 tokens"),
    "many comments": ("#\n" * 5000 + "{ __typename }", "CH102", "4000 tokens"),
    "a long text": ("{ __typename } #" + "x" * 140_000, "CH102", "131072 characters"),
    "deep introspection": (
        "{ __schema { types { fields { type { " + "ofType { " * 20 + "name" + " }" * 24 + " }",
        "CH103",
        "20 levels of introspection",
    ),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_is_refused(name: str) -> None:
    text, code, message = TOO_LARGE[name]
    (error,) = refused(front_end(), text)
    assert error["code"] == code
    assert message in str(error["message"])


@pytest.mark.parametrize("text", [bomb(24), bomb(90, 10), nested_bomb(24)], ids=["spreads", "ten spreads", "fields"])
def test_measuring_costs_the_document_and_not_its_expansion(text: str) -> None:
    wide = Limits(**dict.fromkeys(("depth", "fields", "aliases", "nesting", "root_fields"), 10**100))
    document = parse(text)
    assert measure(document, wide) <= text.count("...") + text.count(":") + text.count("{")


def test_what_a_refused_text_costs_does_not_grow_with_its_expansion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing after the measurement may even start."""
    import resolvers.frontends.graphql.reading as reading

    for later in ("check_names", "validate", "check_merging"):
        monkeypatch.setattr(reading, later, lambda *_, **__: pytest.fail("walked an unmeasured document"))
    with pytest.raises(Refusal):
        reading.read_document(bomb(60), None, None, Limits())  # type: ignore[arg-type]


def test_the_usual_introspection_is_within_the_limits() -> None:
    from graphql import get_introspection_query

    text = get_introspection_query(input_value_deprecation=True, specified_by_url=True, schema_description=True)
    assert refused(front_end(), text) == []


VARIABLES: dict[str, tuple[dict[str, object], Limits, str]] = {
    "a filter that is too deep": ({"w": {"not": {"not": {"not": {"not": {}}}}}}, Limits(input_depth=4), "levels deep"),
    "a filter with too many parts": ({"w": {"or": [{}] * 30}}, Limits(variable_parts=30), "objects and list items"),
    "a list that is too long": (
        {"w": {"carrier": {"in": ["x"] * 31}}},
        Limits(list_items=30),
        "elements in '$w.carrier.in'",
    ),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_are_bounded(name: str) -> None:
    variables, limits, message = VARIABLES[name]
    (error,) = refused(front_end(limits), "query ($w: FlightWhere) { flights(where: $w) { totalCount } }", variables)
    assert error["code"] == "CH108"
    assert message in str(error["message"])
    assert refused(front_end(), "query ($w: FlightWhere) { flights(where: $w) { totalCount } }", variables) == []


def test_depth_of_endless_json_is_refused_and_not_followed() -> None:
    deep: object = {}
    for _ in range(5000):
        deep = {"not": deep}
    (error,) = refused(front_end(), "query ($w: FlightWhere) { flights(where: $w) { totalCount } }", {"w": deep})
    assert error["code"] == "CH108"
