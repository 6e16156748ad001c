"""Keys for masks and seals: derived per zone and use from one master secret, by HKDF-SHA-256 (RFC 5869).

A zone's keys say nothing about another zone's, so a token or hash made in one means nothing in the next. All workers
that share the master secret make the same values.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.secrets import SecretError, resolve
from app.tokens.development import kept, run_folder

USES: Mapping[str, int] = {"hash": 32, "token": 32, "key": 32, "seal": 64, "log": 32}
_LEAST = 32


class KeyringError(Exception):
    """The master secret cannot be had. The sentence says what to set, never what was read."""


def keyring(
    zone: str,
    environ: Mapping[str, str],
    project: Path,
    dev_keys: bool,
    reference: str | None = None,
    alone: bool = False,
) -> dict[str, bytes]:
    """The zone's keys by use: ``hash``, ``token`` and ``key`` for masks, ``seal`` (AES-SIV, 64 bytes), ``log``.

    ``reference`` is the catalog's to the zone's own master secret. ``alone``: the zone has one of its own or none, so
    that whoever reads the memory of its process learns no other zone's keys. Raises KeyringError.
    """
    master = _master(zone, environ, project, dev_keys, reference, alone)
    return {use: _derive(master, f"customhouse/1/{zone}/{use}", length) for use, length in USES.items()}


def _derive(master: bytes, info: str, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=info.encode()).derive(master)


def _master(
    zone: str, environ: Mapping[str, str], project: Path, dev_keys: bool, reference: str | None, alone: bool
) -> bytes:
    own, common = f"CUSTOMHOUSE_MASTER_KEY_{zone.upper().replace('-', '_')}", "CUSTOMHOUSE_MASTER_KEY"
    if text := environ.get(own):
        if alone and text == environ.get(common):
            raise KeyringError(f"CH331 {own} is the secret of other zones too: the zone '{zone}' needs its own.")
        return _read(own, text, project)
    if reference is not None:
        return _read(f"The master_key of zone '{zone}'", reference, project)
    if not alone and (text := environ.get(common)):
        return _read(common, text, project)
    if dev_keys:
        name = f"master-{zone}.key" if alone else "master.key"
        return _read(f".run/{name}", kept(run_folder(project) / name, _new()).decode(), project)
    wanted = own if alone else common
    raise KeyringError(
        f"CH331 No master key: set {wanted} to a secret reference (secret:file:PATH, secret:aws:NAME ..) "
        "whose value is 32 random bytes in base64, or use --dev-keys on your own machine."
    )


def _new() -> bytes:
    return base64.b64encode(secrets.token_bytes(_LEAST))


def _read(name: str, text: str, project: Path) -> bytes:
    try:
        value = resolve(text, project) if text.startswith("secret:") else text
        master = base64.b64decode(value.strip(), validate=True)
    except (SecretError, binascii.Error, ValueError) as error:
        raise KeyringError(f"CH331 {name} cannot be read as a secret in base64 ({type(error).__name__}).") from None
    if len(master) < _LEAST:
        raise KeyringError(f"CH331 {name} is shorter than {_LEAST} bytes.")
    return master
