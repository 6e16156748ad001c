"""Development keys: made at run time, kept in the project's ignored `.run/` folder, readable by their owner alone.

They exist so that a newcomer needs no identity provider. A key signs tokens for every persona, so whoever holds one is
everybody: it is only loaded with `--dev-keys`, and then the gateway listens on loopback only.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import get_default_algorithms

from schema.catalog import Issuer

FOLDER = ".run"
_PREFERRED = ("EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def run_folder(project: Path) -> Path:
    """The project's folder for what is made at run time. It ignores itself, so that no key is ever committed."""
    folder = project / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def kept(path: Path, make: bytes) -> bytes:
    """What the file holds, after writing ``make`` into it if it did not exist. Two processes agree on one content."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(make)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: use its content
        finally:
            draft.unlink()
    return path.read_bytes()


def algorithm_of(issuer: Issuer) -> str:
    """The algorithm a development issuer signs with: the shortest signature among those it allows."""
    return next(alg for alg in _PREFERRED if alg in issuer.algorithms)


def development_key(issuer: Issuer, project: Path) -> tuple[PrivateKeyTypes, str]:
    """The private key of a development issuer and its kid; made at first use."""
    key = serialization.load_pem_private_key(_pem(issuer, project), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, hashlib.sha256(public).hexdigest()[:16]


def _pem(issuer: Issuer, project: Path) -> bytes:
    alg = algorithm_of(issuer)
    path = run_folder(project) / f"issuer-{issuer.name}-{alg}.pem"
    return path.read_bytes() if path.exists() else kept(path, _new(alg))


def _new(alg: str) -> bytes:
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if alg == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    elif alg.startswith("ES"):
        key = ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}.get(alg, ec.SECP521R1()))
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def development_jwks(issuer: Issuer, project: Path) -> bytes:
    """The key set a development issuer would publish."""
    key, kid = development_key(issuer, project)
    alg = algorithm_of(issuer)
    jwk = orjson.loads(get_default_algorithms()[alg].to_jwk(key.public_key()))
    return orjson.dumps({"keys": [{**jwk, "kid": kid, "alg": alg, "use": "sig", "key_ops": ["verify"]}]})


def mint(
    issuer: Issuer,
    project: Path,
    subject: str,
    claims: Mapping[str, object],
    lifetime: float,
    now: float | None = None,
    audience: str | None = None,
) -> str:
    """A token of a development issuer, for its first audience unless another is named. ``claims`` stand in it as they
    are; registered claims are set here."""
    _, kid = development_key(issuer, project)
    issued = int(time.time() if now is None else now)
    payload = {
        **claims,
        "iss": issuer.issuer,
        "aud": audience or issuer.audiences[0],
        "sub": subject,
        "iat": issued,
        "exp": issued + int(lifetime),
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(payload, _pem(issuer, project), algorithm=algorithm_of(issuer), headers={"kid": kid})
