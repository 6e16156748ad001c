"""Personas as callers: a persona's token claims, mapped by its issuer as if a token had come in. No token is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from app.authenticate import digest
from app.personas import Persona, PersonaError, token_claims
from app.tokens.claims import map_claims
from schema.caller import Caller
from schema.catalog import Catalog, Issuer


def issuer_for(persona: Persona, catalog: Catalog) -> Issuer:
    """The issuer whose mapping reads a persona's claims: the one it names, else a development issuer, else the first.

    Raises PersonaError.
    """
    if persona.issuer is not None:
        if persona.issuer not in catalog.issuers:
            raise PersonaError(f"CH333 Persona '{persona.name}' names issuer '{persona.issuer}', which does not exist.")
        return catalog.issuers[persona.issuer]
    issuers = sorted(catalog.issuers.values(), key=lambda issuer: not issuer.development)
    if not issuers:
        raise PersonaError(f"CH333 Persona '{persona.name}' has no issuer: the project declares none.")
    return issuers[0]


def zones_of(persona: Persona, catalog: Catalog) -> list[str]:
    """The zones that take tokens of the persona's issuer."""
    issuer = issuer_for(persona, catalog).name
    return [zone.name for zone in catalog.zones.values() if issuer in zone.issuers]


def caller_of(persona: Persona, catalog: Catalog, zone: str | None = None, purpose: str | None = None) -> Caller:
    """A persona as a caller in a zone (by default the first that takes it). Raises PersonaError."""
    issuer = issuer_for(persona, catalog)
    zones = zones_of(persona, catalog)
    if zone is None and zones:
        zone = zones[0]
    if zone is None or zone not in zones:
        where = f"zone '{zone}'" if zone else "any zone"
        raise PersonaError(f"CH333 Tokens of persona '{persona.name}' are not taken in {where}.")
    payload = token_claims(persona, issuer, purpose) | {"iss": issuer.issuer, "sub": persona.subject}
    caller = Caller(
        subject=persona.subject,
        issuer=issuer.issuer,
        zone=zone,
        claims=map_claims(payload, issuer, catalog.claims),
        expires=math.inf,
        purpose=purpose,
        region=catalog.zones[zone].region,
    )
    return replace(caller, digest=digest(caller))


def purposes_of(persona: Persona, catalog: Catalog) -> tuple[str | None, ...]:
    """No purpose, and each that the persona may choose where its issuer says where purposes stand."""
    return (None, *(persona.purposes if issuer_for(persona, catalog).purposes is not None else ()))


def callers(persona: Persona, catalog: Catalog) -> Iterator[tuple[str, Caller]]:
    """Every way a persona may come in: (name, caller), as ``fraud``, ``fraud+fraud`` (with a purpose); in a project of
    several zones ``agency@partner``."""
    zones = zones_of(persona, catalog)
    for zone in zones:
        for purpose in purposes_of(persona, catalog):
            name = persona.name + (f"+{purpose}" if purpose else "") + (f"@{zone}" if len(catalog.zones) > 1 else "")
            yield name, caller_of(persona, catalog, zone, purpose)
