"""``mask: {email: keep_domain}``: ``***@example.org``. Nothing of the name before the @ is told, not even its length.

What is not one name, one @ and a domain with a dot becomes ``[redacted]``: a free text may hold anything. A rare domain
can still tell who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.masks.pattern import pattern
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import REDACTED, call, choose, fully, join, number, text, unless_null
from policies.rules import Preserved
from schema.types import Kind, Type

_LABEL = r"""[^@. \t\n\r\f,;:<>()"'\\]+"""
_ADDRESS = pattern(rf"^[^@]+@{_LABEL}(\.{_LABEL})+$")
_NAME = "***@"


@dataclass(frozen=True, slots=True)
class Email:
    hide_nulls: bool
    kind: str = "email"
    spec: str = "'***@' and the domain; what is no address is redacted"
    preserves: frozenset[Preserved] = frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        shown = join(text(_NAME), call("CH_SPLIT_PART", value, text("@"), number(2)))
        masked = choose(fully(value, _ADDRESS), shown, text(REDACTED))
        return masked if self.hide_nulls else unless_null(value, masked)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        if not isinstance(value, str):
            return REDACTED if self.hide_nulls else None
        return _NAME + value.split("@")[1] if _ADDRESS.compiled.fullmatch(value) else REDACTED


@mask("email")
def parse(wanted: Wanted) -> Email:
    wanted.only_for({Kind.STRING}, "Addresses are text.")
    if wanted.arguments not in (None, "keep_domain"):
        raise MaskFault("CH442", "The mask 'email' knows keep_domain only.", "Write  mask: {email: keep_domain}")
    return Email(wanted.hide_nulls)
