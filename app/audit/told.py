"""What a record is made of. Made on the event loop, where it must cost nothing; read by the writers' threads, so that
nothing in it may change or belong to a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from policies.account import Account
from schema.caller import Caller

Phase = Literal["whole", "begun", "ended"]


class Versions(NamedTuple):
    """What an exchange was answered by: the zone, the versions of catalog and policies, the key of callers' marks."""

    zone: str
    catalog: str
    policies: str
    key: bytes


class Exchanged(NamedTuple):
    """One answer or refusal. ``at`` and ``seconds``: when it was over, and how long it took; ``peer``: who spoke to us,
    perhaps a proxy; ``trace`` is a traceparent header as it came. ``phase``: a streamed answer that must be recorded
    before it is sent is recorded again when it has ended. ``registered``: name and hash of a registered document."""

    at: float
    seconds: float
    route: str
    method: str
    status: int
    length: int
    request_id: str
    trace: str
    peer: str | None
    versions: Versions | None
    caller: Caller | None
    document: str | None
    registered: tuple[str, str] | None
    codes: Sequence[str]
    account: Account | None
    rows: int | None
    by_product: Mapping[str, int]
    phase: Phase


class Act(NamedTuple):
    """Something an operator or the gateway itself did: ``name`` such as ``reload``; ``done`` False where it was
    refused. ``about`` holds our own words and what a steward wrote, never what a caller sent."""

    at: float
    name: str
    done: bool
    about: Mapping[str, object]


class Counted(NamedTuple):
    """Refusals that were counted, from ``since`` to ``at``: how many by route. Nobody has looked at who was refused."""

    at: float
    since: float
    zone: str
    code: str
    status: int
    routes: Mapping[str, int]

    @property
    def whole(self) -> int:
        """How many there were."""
        return sum(self.routes.values())


Told = Exchanged | Act | Counted


def weight(told: Told) -> int:
    """How many answers, refusals or acts are lost where this is lost."""
    return told.whole if isinstance(told, Counted) else 1
