"""``mask: {hash: {length: 16}}``: the keyed hash of a value. Equal values of a zone stay equal; nothing else is told.

Text gives that many hex digits (8 to 64), a bigint 63 bits of the hash of its decimal text, a uuid a uuid. A 32-bit
integer has too few bits to stay apart: declare the column as bigint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlglot import exp

from policies.masks.digest import hex_digest, int_digest
from policies.masks.registry import Wanted, mask
from policies.masks.terms import call, join, key, number, text
from policies.rules import Preserved
from schema.trees import copied
from schema.types import Kind, Type

_SHORTEST, _LONGEST, _USUAL = 8, 64, 16
_APART = 16
"""From this length on, a thousand million values have no two alike but by a chance of 1 in 37."""
_UUID_CUTS = ((8, 8), (12, 4), (16, 4), (20, 4), (32, 12))


@dataclass(frozen=True, slots=True)
class Hash:
    length: int
    whole: bool
    hide_nulls: bool
    kind: str = "hash"

    @property
    def spec(self) -> str:
        return "keyed hash" if self.whole else f"keyed hash, {self.length} hex digits"

    @property
    def preserves(self) -> frozenset[Preserved]:
        return frozenset({"equality"}) if self.whole or self.length >= _APART else frozenset()

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        spelt = value if type_.kind is Kind.STRING else call("CH_TEXT", value, text(str(type_)))
        given = exp.Coalesce(this=copied(spelt), expressions=[text("")]) if self.hide_nulls else spelt
        if type_.kind is Kind.BIGINT:
            return call("CH_HMAC_INT", key("hash"), given)
        digest = call("CH_HMAC", key("hash"), given)
        if type_.kind is Kind.UUID:
            return _as_uuid(digest)
        return call("CH_LEFT", digest, number(self.length))

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        given = _spell(value, type_.kind)
        if given is None:
            if not self.hide_nulls:
                return None
            given = ""
        if type_.kind is Kind.BIGINT:
            return int_digest(keys["hash"], given)
        digest = hex_digest(keys["hash"], given)
        return UUID(digest[:32]) if type_.kind is Kind.UUID else digest[: self.length]


def _as_uuid(digest: exp.Expression) -> exp.Expression:
    """The first 32 digits, hyphenated, so that a source that keeps uuids as text gives the same."""
    groups = [call("CH_RIGHT", call("CH_LEFT", digest, number(end)), number(size)) for end, size in _UUID_CUTS]
    parts = [part for group in groups for part in (text("-"), group)][1:]
    return exp.Cast(this=join(*parts), to=exp.DataType.build("UUID"))


def _spell(value: object, kind: Kind) -> str | None:
    if kind is Kind.STRING:
        return value if isinstance(value, str) else None
    if kind is Kind.UUID:
        return str(value) if isinstance(value, UUID) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


@mask("hash")
def parse(wanted: Wanted) -> Hash:
    hint = "Hashes are text, bigint or uuid. A 32-bit integer can be declared as bigint; for the rest use another mask."
    wanted.only_for({Kind.STRING, Kind.BIGINT, Kind.UUID}, hint)
    if wanted.type.kind is not Kind.STRING:
        wanted.mapping()
        return Hash(_USUAL, True, wanted.hide_nulls)
    given = wanted.mapping("length")
    length = wanted.whole(given.get("length", _USUAL), "'length'", _SHORTEST, _LONGEST)
    return Hash(length, False, wanted.hide_nulls)
