"""``mask: {constant: x}`` and ``mask: default``: one value for all. A NULL stays NULL, or becomes the value as well.

The default of a type is its neutral value: empty text, 0, false, 1970-01-01, 00:00:00, the nil uuid, no bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlglot import exp

from policies.masks.exact import decimal, digits_of
from policies.masks.literal import WRITABLE, literal, read
from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import unless_null
from policies.rules import Preserved
from schema.types import Kind, Type


@dataclass(frozen=True, slots=True)
class Constant:
    kind: str
    spec: str
    value: object
    hide_nulls: bool
    preserves: frozenset[Preserved] = frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        shown = literal(self.value, type_)
        return shown if self.hide_nulls else unless_null(value, shown)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        return None if value is None and not self.hide_nulls else self.value


_DEFAULTS: Mapping[Kind, object] = {
    Kind.BOOLEAN: False,
    Kind.INTEGER: 0,
    Kind.BIGINT: 0,
    Kind.FLOAT: 0.0,
    Kind.STRING: "",
    Kind.DATE: date(1970, 1, 1),
    Kind.TIME: time(0, 0),
    Kind.DATETIME: datetime(1970, 1, 1),
    Kind.TIMESTAMP: datetime(1970, 1, 1, tzinfo=UTC),
    Kind.UUID: UUID(int=0),
    Kind.BYTES: b"",
}


@mask("constant")
def parse_constant(wanted: Wanted) -> Constant:
    wanted.only_for(WRITABLE, "Use  mask: null  for this type.")
    if wanted.arguments is None:
        raise MaskFault("CH442", "The mask 'constant' needs a value.", "Use  mask: null  to show nothing.")
    value = read(wanted.arguments, wanted.type, "The constant")
    return Constant("constant", f"always {wanted.arguments!r}", value, wanted.hide_nulls)


@mask("default")
def parse_default(wanted: Wanted) -> Constant:
    wanted.no_arguments()
    wanted.only_for({*_DEFAULTS, Kind.DECIMAL}, "Use  mask: null  for this type.")
    kind = wanted.type.kind
    value = decimal(0, digits_of(wanted.type)[1]) if kind is Kind.DECIMAL else _DEFAULTS[kind]
    return Constant("default", f"the neutral value of {wanted.type}", value, wanted.hide_nulls)
