"""TLS: what a gateway shows its clients, and whom it trusts of the processes behind, as far as kinds of gateways agree.

Certificates are named, never read: they are on the gateway's machine. Clients are spoken to in TLS 1.2 or 1.3 and,
where they can, in HTTP/2. Nothing listens in clear text beside it: a redirect would come when the token has been
readable. Strict-Transport-Security is not sent; docs/gateways.md says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.gateways.wrong import UsedWrongly

CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)
"""For TLS 1.2: forward secrecy and authenticated encryption, as in Mozilla's intermediate list, but for DHE."""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian has the public certificate authorities in one file."""
DEPTH = 4
"""How many certificates may stand between an upstream's and its authority; NGINX's own 1 is short for public chains."""
_PATH = re.compile(r"(/[A-Za-z0-9._][A-Za-z0-9._+@=-]*)+")
_OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files: the certificate followed by its chain, and the private key."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret of type kubernetes.io/tls, in the namespace of the Gateway."""

    name: str


@dataclass(frozen=True, slots=True)
class Automatic:
    """The gateway gets itself a certificate (ACME)."""


Tls = Files | Secret | Automatic

PLATFORMS: Mapping[str, str] = {
    "aws-http": "AWS answers with TLS by itself, with a certificate of ACM at the API's domain",
    "aws-rest": "AWS answers with TLS by itself, with a certificate of ACM at the API's domain",
    "gcp": "Google Cloud answers with TLS by itself, with a certificate of its own or of a load balancer",
    "azure": "Azure answers with TLS by itself, with the certificate of a custom domain",
}
"""Kinds that have a certificate by themselves, and how."""


def tls(kind: str, said: Sequence[str], host: str | None) -> Tls:
    """What ``--tls`` names, in the form that the kind takes. Raises UsedWrongly (CH348)."""
    if kind in PLATFORMS:
        raise UsedWrongly("CH348", f"{PLATFORMS[kind]}: leave --tls out.")
    if kind == "k8s":
        if len(said) != 1 or not _OBJECT.fullmatch(said[0]):
            raise UsedWrongly("CH348", "--tls is the name of a Secret for Kubernetes, such as --tls data-example-tls.")
        return Secret(said[0])
    if kind == "caddy" and list(said) == ["auto"]:
        if host is None:
            raise UsedWrongly("CH348", "--tls auto gets a certificate for a name: say which, with --host.")
        return Automatic()
    if len(said) != 2 or not all(_PATH.fullmatch(path) for path in said):
        either = " (or auto)" if kind == "caddy" else ""
        raise UsedWrongly(
            "CH348", f"--tls is two whole paths{either}, such as --tls /etc/ssl/front.pem /etc/ssl/front.key."
        )
    return Files(said[0], said[1])


def authority(kind: str, said: str, scheme: str) -> str:
    """What ``--upstream-ca`` names: a file, or for Kubernetes a ConfigMap. Raises UsedWrongly (CH348)."""
    if kind in PLATFORMS:
        raise UsedWrongly("CH348", f"--upstream-ca is not for {kind}, which trusts public authorities alone.")
    if scheme != "https":
        raise UsedWrongly("CH348", "--upstream-ca is for upstreams that are asked by https.")
    if not (_OBJECT if kind == "k8s" else _PATH).fullmatch(said):
        meant = "the name of a ConfigMap with ca.crt" if kind == "k8s" else "a whole path such as /etc/ssl/inside.pem"
        raise UsedWrongly("CH348", f"--upstream-ca is {meant}, not {said!r}.")
    return said
