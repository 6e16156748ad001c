"""The wall against floods: how many requests a gateway lets pass in a minute, and what its reader has to know of that.

It must be well above what the zone itself allows, since who meets it meets no code and no RateLimit field. So it can be
made of bounds that hold for all who ask, as the quotas of all partners do. A rate that each caller has is none: how
many callers there are is known to the issuers alone, and how many of them share an address to nobody; and by tokens,
which a gateway might count instead, a flood makes as many callers as it likes.
"""

from __future__ import annotations

import math

from schema.zone import Rate, Zone

_MORE = "--rate N/1m sets a wall against floods."


def per_minute(zone: Zone) -> int | None:
    """Twice what all partners together may ask in one minute, since their quotas may renew within it."""
    rates = _quotas(zone)
    return None if rates is None else 2 * sum(_within_a_minute(rate) for rate in rates)


def about(zone: Zone, wall: int | None) -> str | None:
    """What the wall does not do, or why there is none."""
    each = zone.rate.requests
    if wall is None and each is not None:
        return (
            f"A limit of requests: each caller may ask {each.limit} in {each.window:g} s, which the gateway behind "
            f"counts, but how many callers there are, or share an address, is not known here; {_MORE}"
        )
    if wall is None:
        return f"A limit of requests: the zone has none that holds for everybody; {_MORE}"
    alone = _alone(zone)
    if alone is not None and wall < alone:
        return (
            f"A limit of requests that nobody meets by asking as fast as the zone allows: {wall} a minute is less than "
            f"the {alone} of one caller, who is then refused without a code."
        )
    return None


def _quotas(zone: Zone) -> list[Rate] | None:
    """Those of requests, where every partner has one."""
    rates = [partner.quotas.all.requests for partner in zone.partners.values()]
    if not rates or zone.partner_claim is None:
        return None
    found = [rate for rate in rates if rate is not None]
    return found if len(found) == len(rates) else None


def _alone(zone: Zone) -> int | None:
    """The most that one caller may ask in a minute."""
    quotas = _quotas(zone)
    bounds = [] if zone.rate.requests is None else [_within_a_minute(zone.rate.requests)]
    bounds += [] if quotas is None else [max(_within_a_minute(rate) for rate in quotas)]
    return min(bounds, default=None)


def _within_a_minute(rate: Rate) -> int:
    return math.ceil(rate.limit * max(1.0, 60 / rate.window))
