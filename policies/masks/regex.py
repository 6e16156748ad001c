"""``mask: {regex: {pattern: "[0-9]", replace: "#"}}``: every match replaced. What does not match passes unchanged.

The pattern must be deterministic (`policies.masks.pattern`), the replacement is plain text without group references, so
that every engine gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.pattern import Pattern, pattern
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import call, text
from policies.rules import Preserved
from schema.trees import copied
from schema.types import Kind, Type

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Regex:
    pattern: Pattern
    replace: str
    hide_nulls: bool
    kind: str = "regex"
    preserves: frozenset[Preserved] = frozenset()

    @property
    def spec(self) -> str:
        return f"parts of the text replaced by '{self.replace}'" if self.replace else "parts of the text left out"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        given = exp.Coalesce(this=copied(value), expressions=[text("")]) if self.hide_nulls else value
        return call("CH_REGEX_REPLACE", given, text(self.pattern.text), text(self.replace))

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if not isinstance(value, str):
            return "" if self.hide_nulls else None
        return self.pattern.compiled.sub(lambda _: self.replace, value)


@mask("regex")
def parse(wanted: Wanted) -> Regex:
    wanted.only_for({Kind.STRING}, "Patterns match text.")
    given = wanted.mapping("pattern", "replace")
    spelt, replace = given.get("pattern"), given.get("replace")
    if not isinstance(spelt, str) or not isinstance(replace, str):
        raise MaskFault("CH442", "The mask 'regex' needs a pattern and what to replace it by, both in quotes.")
    if len(replace) > _LONGEST or set(replace) & set("\\$&\0"):
        raise MaskFault(
            "CH442",
            f"'replace' is plain text of at most {_LONGEST} characters without \\, $ and &.",
            "Groups cannot be referred to: engines differ on them. Use partial, email or sql.",
        )
    return Regex(pattern(spelt), replace, wanted.hide_nulls)
