"""Configurations of the example's two zones, as what reads them is given them: plain, and with TLS on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.gateways.facing import Asked, Facing, facing
from app.gateways.kinds import make
from app.gateways.tls import PLATFORMS, Files, Secret, Tls
from app.project import Project

KEYS = {"partner": {"partner-login": "https://partners.company.example/keys"},
        "internal": {"company": "https://login.company.example/keys"}}  # fmt: skip
ZONES = ("partner", "internal")


def of(project: Project, zone: str, **over: Any) -> Facing:
    said: dict[str, Any] = {
        "upstreams": ("http://10.0.0.5:8001",), "host": "data.example", "origins": ("https://app.example",),
        "keys": KEYS[zone],
    }  # fmt: skip
    return facing(project, zone, Asked(**(said | over)))


def texts(project: Project, kind: str) -> Iterator[str]:
    """Everything that is printed for a kind: both zones, bare and with a prefix and all the rest."""
    shown: Tls | None = Secret("data-tls") if kind == "k8s" else Files("/etc/ssl/a.pem", "/etc/ssl/a.key")
    inside: str | None = "inside-ca" if kind == "k8s" else "/etc/ssl/inside.pem"
    if kind in PLATFORMS:
        shown = inside = None
    secure = ("https://customhouse.data.svc:8443", "https://customhouse.other.svc")
    for zone in ZONES:
        yield make(kind, of(project, zone, origins=(), host=None)).text
        yield make(kind, of(project, zone, check=False, prefix="/data")).text
        yield make(kind, of(project, zone, upstreams=secure, tls=shown, port=8443, per_minute=600)).text
        yield make(kind, of(project, zone, upstreams=secure, tls=shown, authority=inside)).text
