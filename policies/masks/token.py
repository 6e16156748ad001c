"""``mask: token``: ``tok_<zone>_`` and 32 hex digits of the value's keyed hash. Equal values of a zone stay equal.

Whoever has the right to detokenise looks the value up through its token; others can only compare tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.digest import hex_digest
from policies.masks.registry import Wanted, mask
from policies.masks.terms import call, join, key, number, text, unless_null
from policies.rules import Preserved
from schema.trees import copied
from schema.types import Kind, Type

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Token:
    hide_nulls: bool
    kind: str = "token"
    spec: str = "a token of this zone"
    preserves: frozenset[Preserved] = frozenset({"equality"})

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        given = exp.Coalesce(this=copied(value), expressions=[text("")]) if self.hide_nulls else value
        digits = call("CH_LEFT", call("CH_HMAC", key("token"), given), number(_DIGITS))
        masked = join(text("tok_"), exp.Placeholder(this="request:zone"), text("_"), digits)
        return masked if self.hide_nulls else unless_null(value, masked)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        """``keys["zone"]`` is the zone's name, which SQL binds as ``request:zone``."""
        given = value if isinstance(value, str) else "" if self.hide_nulls else None
        if given is None:
            return None
        return f"tok_{keys['zone'].decode()}_{hex_digest(keys['token'], given)[:_DIGITS]}"


@mask("token")
def parse(wanted: Wanted) -> Token:
    wanted.no_arguments()
    wanted.only_for({Kind.STRING}, "A token is text; use hash for bigint and uuid.")
    return Token(wanted.hide_nulls)
