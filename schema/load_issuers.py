"""Issuers: where their keys are, and where their tokens keep the claims that the catalog declares.

A preset gives every declared claim a path in tokens of that make; `claims:` of the issuer goes over it. No preset
guesses a claim from one that users of the identity provider can set for themselves (a name, an unverified address).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from schema.catalog import Claim, ClaimPath, Issuer
from schema.errors import LoadError, Place
from schema.load_shape import unknown
from schema.load_shapes import DEFAULT_ALGORITHMS, KEY_PLACES
from schema.load_units import seconds
from schema.yaml_source import Entries, Items, Node, Scalar, texts_of

HASURA_CLAIMS = "https://hasura.io/jwt/claims"

_SCOPES = frozenset({"scope", "scopes"})
_STANDARD = frozenset({"sub", "iss", "azp", "email", "email_verified", "client_id", "username", "acr", "amr", "jti"})


def read_issuer(name: str, place: Place, node: Entries, claims: Mapping[str, Claim], errors: list[LoadError]) -> Issuer:
    """Read one issuer. Says CH217 (key location), CH218 (URL), CH210 and CH232 (claims)."""
    _keys(name, place, node, errors)
    _urls(node, errors)
    audiences = tuple(text for text, _ in node.texts("audiences"))
    preset = node.text("preset") or "plain"
    paths = {claim.name: preset_path(preset, claim, audiences, node.text("namespace")) for claim in claims.values()}
    for claim_name, entry in node.map("claims").entries.items():
        if claim_name not in claims:
            hint = "Declare it under 'claims:' at the top of customhouse.yaml."
            errors.append(unknown(entry.place, "declared claim", claim_name, claims, hint=hint))
        else:
            paths[claim_name] = _path(claims[claim_name], entry.value, errors)
    purposes = node.get("purposes")
    lifetime = node.text("max_lifetime")
    return Issuer(
        name=name,
        issuer=node.text("issuer") or "",
        audiences=audiences,
        algorithms=tuple(text for text, _ in node.texts("algorithms")) or DEFAULT_ALGORITHMS,
        claims=paths,
        place=place,
        jwks_url=node.text("jwks_url"),
        jwks_file=node.text("jwks_file"),
        oidc=node.flag("oidc", False),
        development=node.flag("development", False),
        purposes=None if purposes is None else read_path("purposes", purposes),
        max_lifetime=None if lifetime is None else seconds(lifetime),
    )


def key_places(node: Entries) -> list[str]:
    """Which key locations an issuer names; ``false`` names none."""
    return [key for key in KEY_PLACES if node.text(key) is not None or node.flag(key, False)]


def _keys(name: str, place: Place, node: Entries, errors: list[LoadError]) -> None:
    given = key_places(node)
    hint = f"Give exactly one of {', '.join(KEY_PLACES)}."
    if not given:
        errors.append(LoadError(place, "CH217", f"The issuer '{name}' does not say where its keys are.", hint))
    elif len(given) > 1:
        sentence = f"The issuer '{name}' says more than once where its keys are: {', '.join(given)}."
        errors.append(LoadError(node.at(given[1]), "CH217", sentence, hint))


def _urls(node: Entries, errors: list[LoadError]) -> None:
    keys = ["jwks_url", "issuer"] if node.flag("oidc", False) else ["jwks_url"]
    for key in keys:
        url = node.text(key)
        if url is not None and (reason := url_fault(url)) is not None:
            errors.append(LoadError(node.at(key), "CH218", f"The '{key}' {reason}.", "Write an https:// address."))


def url_fault(url: str) -> str | None:
    """Why keys may not be fetched from a URL, or None. Plain http is for loopback only."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  reading it is the check
    except ValueError:
        return "is not a URL"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password"
    loopback = host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
    if not host or parts.scheme not in ("https", "http"):
        return "is not an https URL"
    return "must use https" if parts.scheme == "http" and not loopback else None


def _path(claim: Claim, node: Node, errors: list[LoadError]) -> ClaimPath:
    path = read_path(claim.name, node)
    if not claim.many and isinstance(node, Entries):
        for key in ("split", "single_as_list"):
            if node.text(key) is not None or node.flag(key, False):
                sentence = f"'{key}' makes lists, but the claim '{claim.name}' is declared as one {claim.type}."
                errors.append(LoadError(node.at(key), "CH232", sentence, f"Declare it as list<{claim.type}>."))
    return path


def read_path(claim: str, node: Node) -> ClaimPath:
    """Read where a claim stands: dotted keys, a list of keys, or a mapping with several paths."""
    if not isinstance(node, Entries):
        return ClaimPath(claim, (keys,) if (keys := _one(node)) else ())
    paths = node.get("paths")
    found = [_one(item) for item in paths.items] if isinstance(paths, Items) else []
    return ClaimPath(
        claim, tuple(keys for keys in found if keys), node.text("split"), node.flag("single_as_list", False)
    )


def _one(node: Node) -> tuple[str, ...]:
    if isinstance(node, Items):
        return tuple(text for text, _ in texts_of(node))
    return tuple(node.value.split(".")) if isinstance(node, Scalar) and isinstance(node.value, str) else ()


def preset_path(preset: str, claim: Claim, audiences: tuple[str, ...], namespace: str | None) -> ClaimPath:
    """Where tokens of a make keep a claim."""
    name = claim.name
    if name in _SCOPES and preset != "hasura":
        keys = ("scp", "scope") if preset in ("okta", "entra") else ("scope", "scp")
        paths = tuple((key,) for key in keys)
        return ClaimPath(name, paths, split=" ") if claim.many else ClaimPath(name, paths)
    return ClaimPath(name, _paths(preset, name, audiences, namespace))


def _paths(preset: str, name: str, audiences: tuple[str, ...], namespace: str | None) -> tuple[tuple[str, ...], ...]:
    if preset == "hasura":
        key = {"roles": "allowed-roles", "role": "default-role"}.get(name, name.replace("_", "-"))
        return ((namespace or HASURA_CLAIMS, f"x-hasura-{key}"),)
    if name in _STANDARD:
        return (("cognito:username",), ("username",)) if (preset, name) == ("cognito", "username") else ((name,),)
    if preset == "auth0" and namespace and name not in ("permissions", "org_id", "org_name"):
        return ((namespace + name,),)
    if preset == "keycloak" and name == "roles":
        return (("realm_access", "roles"),)
    if preset == "keycloak" and name == "client_roles":
        return tuple(("resource_access", audience, "roles") for audience in audiences)
    if preset == "okta" and name == "roles":
        return (("groups",),)
    if preset == "entra" and name == "tenant":
        return (("tid",),)
    if preset == "cognito":
        return (("cognito:groups",),) if name in ("roles", "groups") else ((f"custom:{name}",), (name,))
    return ((name,),)
