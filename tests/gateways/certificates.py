"""An authority of a test, and certificates that it signs, with RSA keys: old ways to exchange keys need those."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True, slots=True)
class Shown:
    """PEM files of a certificate and its key; ``key`` lies where HAProxy looks for it."""

    file: Path

    @property
    def key(self) -> Path:
        return self.file.with_name(f"{self.file.name}.key")

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


@dataclass(frozen=True)
class Authority:
    """``file`` is its certificate, in a folder that takes all that it signs."""

    folder: Path
    key: rsa.RSAPrivateKey = field(default_factory=_key)

    def __post_init__(self) -> None:
        made = self._signed(_name("An authority"), self.key.public_key(), None)
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    @property
    def file(self) -> Path:
        return self.folder / "authority.pem"

    def client(self) -> ssl.SSLContext:
        """Trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.file))

    def certificate(self, host: str) -> Shown:
        """A certificate of one name or address."""
        key, shown = _key(), Shown(self.folder / f"{host}.pem")
        made = self._signed(_name(host), key.public_key(), host)
        shown.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        shown.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return shown

    def _signed(self, subject: x509.Name, key: rsa.RSAPublicKey, host: str | None) -> x509.Certificate:
        now = datetime.now(UTC)
        mine = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name("An authority"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(mine), critical=False)
        )
        if host is not None:
            made = made.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        return made.sign(self.key, hashes.SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
