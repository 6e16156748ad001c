"""Demo personas: named sets of claims, for tokens of a development issuer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from schema.catalog import Catalog, Issuer


class PersonaError(Exception):
    """A persona cannot be used. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Persona:
    """``claims`` stand in the token as they are. ``purposes`` are those it may choose from."""

    name: str
    subject: str
    claims: Mapping[str, object]
    description: str = ""
    issuer: str | None = None
    purposes: tuple[str, ...] = ()


def load_personas(project: Path) -> dict[str, Persona]:
    """The personas of a project's ``personas.yaml``. Raises PersonaError."""
    path = project / "personas.yaml"
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PersonaError(f"CH333 {path} does not exist: a token is made for one of the personas in it.") from None
    except yaml.YAMLError as error:
        raise PersonaError(f"CH333 {path} is not YAML: {error}") from None
    if not isinstance(said, dict):
        raise PersonaError(f"CH333 {path} is a mapping of names to personas.")
    return {str(name): _persona(str(name), one) for name, one in said.items()}


def _persona(name: str, said: object) -> Persona:
    if not isinstance(said, dict) or not isinstance(said.get("subject"), str):
        raise PersonaError(f"CH333 Persona '{name}' needs a subject.")
    claims, purposes = said.get("claims") or {}, said.get("purposes") or []
    if not isinstance(claims, dict) or not isinstance(purposes, list):
        raise PersonaError(f"CH333 Persona '{name}': claims is a mapping, purposes a list.")
    return Persona(
        name, said["subject"], claims, str(said.get("description", "")), said.get("issuer"), tuple(map(str, purposes))
    )


def issuer_of(persona: Persona, catalog: Catalog) -> Issuer:
    """The development issuer that signs for a persona: the one it names, else the project's first. PersonaError."""
    development = [issuer for issuer in catalog.issuers.values() if issuer.development]
    for issuer in development:
        if persona.issuer in (None, issuer.name):
            return issuer
    wanted = f"'{persona.issuer}'" if persona.issuer else "any"
    raise PersonaError(f"CH333 Persona '{persona.name}' needs {wanted} development issuer, which the project has not.")


def audience_for(persona: Persona, issuer: Issuer, catalog: Catalog, zone: str | None) -> str:
    """The audience of a token for a zone, by default for the first that takes the issuer's. Raises PersonaError."""
    zones = [one for one in catalog.zones.values() if issuer.name in one.issuers and zone in (None, one.name)]
    if zone is not None and not zones:
        known = ", ".join(one.name for one in catalog.zones.values() if issuer.name in one.issuers) or "none"
        raise PersonaError(f"CH333 Zone '{zone}' takes no token of persona '{persona.name}'. Zones that do: {known}.")
    meant = zones[0].audiences if zones else None
    return next(one for one in issuer.audiences if meant is None or one in meant)


def token_claims(persona: Persona, issuer: Issuer, purpose: str | None) -> dict[str, object]:
    """The claims of a persona's token, its purposes where the issuer keeps them; ``purpose`` leaves only that one."""
    if purpose is not None and purpose not in persona.purposes:
        known = ", ".join(persona.purposes) or "none"
        raise PersonaError(f"CH333 Persona '{persona.name}' may not use purpose '{purpose}'. It has: {known}.")
    claims = dict(persona.claims)
    purposes = [purpose] if purpose is not None else list(persona.purposes)
    if purposes and issuer.purposes is None:
        raise PersonaError(f"CH333 Issuer '{issuer.name}' does not say where a token lists its purposes.")
    if purposes and issuer.purposes is not None:
        _put(claims, issuer.purposes.paths[0], purposes)
    return claims


def _put(holder: dict[str, object], path: tuple[str, ...], value: object) -> None:
    """Set a value under nested keys, copying what is on the way."""
    key, *rest = path
    if not rest:
        holder[key] = value
        return
    inner = holder.get(key)
    copied: dict[str, object] = dict(inner) if isinstance(inner, dict) else {}
    holder[key] = copied
    _put(copied, tuple(rest), value)
