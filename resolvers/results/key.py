"""Key: what a result is known by. Two results share a key only where everything that made them is the same.

A digest of a canonical structure: each value is written with its kind and its length, so that no two structures give
the same bytes (1, true, 1.0, "1" and b"1" differ, and so do ["a", "b"] and ["ab"]). The digest is keyed with a key of
the zone, because among the values are claims and mask keys: nobody without it can test a guess.

Does not promise: that a key says anything about who asked. Claims are in it as values that were bound, and only those
that the statement uses; that is what makes two callers with the same rights share a result, and no others.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from resolvers.backends.dialect import Statement

_NOTHING_ELSE = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
FORMAT = 1
"""The version of this structure and of the entries kept under it."""


class Unkeyed(Exception):
    """A value of a kind that has no canonical form here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything but the bound values that a result depends on. ``identity`` is the effective source: a text that
    differs where another connection, account or session is used under the same name."""

    zone: str
    catalog: str
    policies: str
    source: str
    identity: str
    statement: str
    document: bool
    params: tuple[str, ...] = ()
    """How each bound value is taken, in order: the same text may read a date or a text."""

    @classmethod
    def of(cls, zone: str, catalog: str, policies: str, source: str, identity: str, statement: Statement) -> Origin:
        """The origin of a planned statement."""
        params = tuple(f"{slot.type} {slot.many} {slot.transform}" for slot in statement.params)
        return cls(zone, catalog, policies, source, identity, statement.text, statement.document, params)


@dataclass(frozen=True, slots=True)
class StatementKey:
    """The key of one statement's results but for its bound values. Made once for a plan."""

    source: str
    started: blake2b
    plain: bytes | None = None
    """A digest of the same, where no float is bound."""

    def under_way(self, binds: Sequence[object]) -> bytes | None:
        """The key of a fetch under way in this process. Two fetches have the same where `of` gives them the same: plain
        values are written as JSON, which tells them apart as well and costs a tenth."""
        if self.plain is not None:
            try:
                return self.plain + orjson.dumps(binds, option=_NOTHING_ELSE)
            except TypeError:
                pass
        return self.of(binds)

    def of(self, binds: Sequence[object]) -> bytes | None:
        """The key with these values bound; None where one of them is of a kind that this module does not know, so that
        its result is not shared."""
        digest = self.started.copy()
        try:
            digest.update(canonical(binds))
        except Unkeyed:
            return None
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a zone's results are keyed and sealed with: 32 bytes each."""

    key: bytes
    seal: bytes

    @classmethod
    def derived(cls, zone: str, keys: Mapping[str, bytes]) -> Secrets:
        """From the zone's ``seal`` key, so that they change with it."""
        return cls(_derive(keys["seal"], zone, "key"), _derive(keys["seal"], zone, "seal"))

    def statement(self, origin: Origin, plain: bool = False) -> StatementKey:
        """``plain``: no float is bound, whose JSON does not tell NaN from null."""
        parts = (FORMAT, origin.zone, origin.catalog, origin.policies, origin.source, origin.identity)
        started = blake2b(
            canonical((*parts, origin.statement, origin.document, origin.params)), digest_size=32, key=self.key
        )
        return StatementKey(origin.source, started, started.digest() if plain else None)


def _derive(secret: bytes, zone: str, use: str) -> bytes:
    info = canonical(("customhouse results", FORMAT, zone, use))
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret)


def canonical(value: object) -> bytes:
    """The bytes of a structure of lists (or tuples, which are the same), texts, bytes, numbers, flags and None. Raises
    `Unkeyed` for anything else."""
    written: list[bytes] = []
    _write(value, written)
    return b"".join(written)


def _write(value: object, written: list[bytes]) -> None:
    kind = value.__class__
    if kind is str:
        text = value.encode("utf-8", "surrogatepass")  # type: ignore[attr-defined]  # a str, by its class
        written.append(b"s%d:" % len(text))
        written.append(text)
    elif kind is int:
        written.append(b"i%x;" % value)  # type: ignore[str-format]  # an int, by its class
    elif kind is list or kind is tuple:
        written.append(b"l%d:" % len(value))  # type: ignore[arg-type]  # sized, by its class
        for item in value:  # type: ignore[attr-defined]
            _write(item, written)
    elif value is None:
        written.append(b"n")
    elif kind is bool:
        written.append(b"t" if value else b"f")
    elif kind is float:
        written.append(struct.pack(">cd", b"d", value))
    elif kind is bytes:
        written.append(b"b%d:" % len(value))  # type: ignore[arg-type]
        written.append(value)  # type: ignore[arg-type]
    else:
        raise Unkeyed(kind.__name__)
