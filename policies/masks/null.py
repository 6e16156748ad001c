"""``mask: null``: nothing is shown. For every type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.registry import Wanted, mask
from policies.rules import Preserved
from schema.types import Type


@dataclass(frozen=True, slots=True)
class Null:
    kind: str = "null"
    spec: str = "always null"
    preserves: frozenset[Preserved] = frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return exp.Null()

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        return None


@mask("null")
def parse(wanted: Wanted) -> Null:
    wanted.no_arguments()
    return Null()
