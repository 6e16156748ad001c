"""Policies over the policy tests' catalog, compiled into row functions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from policies.condition import Moment
from policies.load import load_policies
from policies.rowwise import Facts, Govern, compile_rows
from policies.rules import PolicySet
from schema.caller import Caller
from schema.types import Type
from tests.masks.cells import KEYS
from tests.policies.house import house, project

CATALOG = house()
FLIGHTS = "operations.flights"
MINUTE = 29_000_000
SECRETS = {name: KEYS[name] for name in ("hash", "token")}


@lru_cache(maxsize=512)
def policies(text: str) -> PolicySet:
    """The policies of a file with this text."""
    with TemporaryDirectory() as folder:
        return load_policies(project(Path(folder), text), CATALOG)


def types(product: str) -> Mapping[str, Type]:
    return {name: column.type for name, column in CATALOG.products[product].columns.items()}


def facts(**given: object) -> Facts:
    """With the claims' types, and the source where the region is unless said otherwise."""
    claims = {name: claim.type for name, claim in CATALOG.claims.items()}
    return Facts(**{"claims": claims, "location": "eu-west-1", **given})  # type: ignore[arg-type]  # test data


def governed(text: str, product: str, caller: Caller, given: Facts) -> Govern:
    rules = policies(text).rules[caller.zone][product]
    return compile_rows(rules, types(product), caller, Moment(MINUTE, caller.region), SECRETS, given)
