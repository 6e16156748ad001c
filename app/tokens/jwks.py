"""Read a JSON Web Key Set into verification keys, one per (kid, algorithm).

A key serves only the algorithms that its type, its curve and its own ``alg`` allow and that the issuer is configured
for, so a token cannot talk a key into another algorithm. Symmetric keys, keys for encryption, keys without a ``kid``
and RSA keys below 2048 bits are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app.tokens.strict import json_object

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_CURVE = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",), "Ed25519": ("EdDSA",), "Ed448": ("EdDSA",)}
ASYMMETRIC = frozenset(_RSA) | {"ES256", "ES384", "ES512", "EdDSA"}
MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, bound to one algorithm. ``print`` tells two keys apart."""

    jwk: PyJWK
    print: str


Keys = Mapping[tuple[str, str], Key]


def read_jwks(data: bytes, algorithms: tuple[str, ...]) -> Keys:
    """The usable keys of a set by (kid, algorithm). Raises ValueError where the text is not a key set at all.

    An empty set is a valid answer: every key was retired.
    """
    keys: dict[tuple[str, str], Key] = {}
    for jwk in _listed(json_object(data)):
        for alg in _serves(jwk):
            if alg in algorithms and (key := _key(jwk, alg)) is not None:
                keys.setdefault((str(jwk["kid"]), alg), key)
    return keys


def _listed(document: dict[str, object]) -> list[dict[str, object]]:
    listed = document.get("keys")
    if isinstance(listed, list):
        return [jwk for jwk in listed[:MOST_KEYS] if isinstance(jwk, dict)]
    raise ValueError("not a key set: no list under 'keys'")


def _serves(jwk: dict[str, object]) -> tuple[str, ...]:
    """The algorithms a key may verify, by type, curve, use and its own word."""
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not kid or jwk.get("use", "sig") != "sig":
        return ()
    if not isinstance(operations, list) or "verify" not in operations:
        return ()
    kind, curve = jwk.get("kty"), jwk.get("crv")
    able: tuple[str, ...] = ()
    if kind == "RSA":
        able = _RSA
    elif kind in ("EC", "OKP") and isinstance(curve, str) and (kind == "OKP") == curve.startswith("Ed"):
        able = _BY_CURVE.get(curve, ())
    return tuple(alg for alg in able if jwk.get("alg", alg) == alg)


def _key(jwk: dict[str, object], alg: str) -> Key | None:
    public = {name: value for name, value in jwk.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        key = PyJWK(public, algorithm=alg)
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None  # one broken key must not take the others down
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < 2048:
        return None
    return Key(key, "|".join(f"{name}={public[name]}" for name in ("kty", "crv", "n", "e", "x", "y") if name in public))
