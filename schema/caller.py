"""The authenticated party, as every later stage sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool
ClaimValue = Scalar | tuple[Scalar | None, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with which papers.

    ``claims`` holds only claims that the catalog declares and that arrived with the declared type: an absent, null or
    mistyped claim has no entry, so a policy that names it is UNKNOWN. A list may hold None for a null element, which
    makes a predicate that names it UNKNOWN too. ``purpose`` is one the token lists, or None. ``expires`` is the
    token's ``exp`` in Unix seconds. ``digest`` identifies the papers (zone, subject, claims, purpose, region).
    ``partner`` is the party of the zone that the token is for, in zones that have any.
    """

    subject: str
    issuer: str
    zone: str
    claims: Mapping[str, ClaimValue]
    expires: float
    purpose: str | None = None
    region: str | None = None
    digest: str = field(default="")
    partner: str | None = None
