"""Claims from payloads: the cases of claims.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.tokens.claims import map_claims, map_purposes
from schema.catalog import Claim, ClaimPath, Issuer
from schema.errors import Place
from schema.types import parse_type

CASES = yaml.safe_load(Path(__file__).with_name("claims.yaml").read_text(encoding="utf-8"))
PLACE = Place("customhouse.yaml")


def claim_path(said: str | dict[str, Any]) -> ClaimPath:
    given = {"paths": [said]} if isinstance(said, str) else said
    paths = tuple(tuple(path.split(".")) if isinstance(path, str) else tuple(path) for path in given["paths"])
    return ClaimPath("c", paths, given.get("split"), given.get("single_as_list", False))


def issuer(**over: Any) -> Issuer:
    return Issuer("i", "https://i.example", ("us",), ("RS256",), over.pop("claims", {}), PLACE, **over)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_claim(case: dict[str, Any]) -> None:
    many = case["type"].startswith("list<")
    type_ = parse_type(case["type"][5:-1] if many else case["type"])
    found = map_claims(
        case["payload"], issuer(claims={"c": claim_path(case["path"])}), {"c": Claim("c", type_, many, PLACE)}
    )
    want = {"c": tuple(case["want"]) if isinstance(case["want"], list) else case["want"]} if "want" in case else {}
    assert found == want
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in want.items()}


def test_a_claim_without_a_path_is_absent() -> None:
    assert map_claims({"c": "x"}, issuer(), {"c": Claim("c", parse_type("string"), False, PLACE)}) == {}


@pytest.mark.parametrize(
    ("payload", "want"),
    [
        ({"p": ["a", "b"]}, {"a", "b"}),
        ({"p": "a"}, set()),
        ({"p": ["a", None]}, {"a"}),
        ({}, set()),
        ({"p": {}}, set()),
    ],
)
def test_purposes(payload: dict[str, object], want: set[str]) -> None:
    assert map_purposes(payload, issuer(purposes=claim_path("p"))) == want
    assert map_purposes(payload, issuer()) == frozenset()
