"""Traefik (3.x), as the dynamic configuration of its file provider; the static one is said as flags.

It takes a process out while ``/readyz`` is not 200, says the prefix that it takes off, and drops ``X-Forwarded-*`` of
strangers.
"""

from __future__ import annotations

import re

from app.documents.schemas import Json
from app.gateways.facing import HEALTH, HEALTH_SECONDS, KEEP_SECONDS, STRIPPED, Facing
from app.gateways.made import Made, as_yaml, commented, patterns, said, settings, unbounded
from app.gateways.tls import Files

_FORWARDED = "X-Forwarded-Prefix"
_CIPHERS = tuple(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
    for key in ("ECDSA", "RSA")
)


def flags(facing: Facing, file: str = "customhouse.yaml") -> tuple[str, ...]:
    """The static configuration that the dynamic one is for."""
    return (
        f"--entryPoints.customhouse.address=:{facing.port}",
        "--entryPoints.customhouse.transport.respondingTimeouts.readTimeout=60s",
        "--entryPoints.customhouse.transport.respondingTimeouts.idleTimeout=75s",
        f"--providers.file.filename={file}",
    )


def _tls(files: Files) -> Json:
    """The certificate for every client, also for one that says no name or another."""
    return {
        "stores": {"default": {"defaultCertificate": {"certFile": files.certificate, "keyFile": files.key}}},
        "options": {"default": {"minVersion": "VersionTLS12", "cipherSuites": list(_CIPHERS)}},
    }


def traefik(facing: Facing) -> Made:
    wanted = settings(facing)
    left = (
        *(() if facing.tls else ("TLS: the entry point is plain HTTP; add tls to the routers, and a certificate.",)),
        "Tokens: the open Traefik does not check them; the gateway behind does.",
        "The size of bodies: Traefik's way to bound it keeps whole answers in memory; the gateway behind bounds it.",
        "Request ids: made by the gateway behind, where a client brings none.",
        *unbounded(facing),
    )
    begin = [*said(facing, "Traefik", wanted, left), "Start it with:", *(f"  {flag}" for flag in flags(facing))]
    document: Json = {"http": _http(facing), **({"tls": _tls(facing.files)} if facing.files else {})}
    return Made(commented(begin) + as_yaml(document), wanted, left)


def _http(facing: Facing) -> Json:
    parts = {f"{facing.name}": ("sql",)} | ({f"{facing.name}-sql": ()} if facing.of("sql") else {})
    routers: Json = {}
    services: Json = {}
    transports: Json = {}
    for name, leave in parts.items():
        pattern = patterns(facing, leave=("sql",)) if leave else "/sql"
        seconds = max(route.seconds for route in facing.routes if (route.of == "sql") is not bool(leave))
        routers[name] = _router(facing, name, pattern)
        services[name] = _service(facing, name)
        transports[name] = {
            "forwardingTimeouts": {
                "dialTimeout": "2s",
                "responseHeaderTimeout": f"{seconds:g}s",
                "idleConnTimeout": f"{KEEP_SECONDS}s",
            },
            **({"rootCAs": [facing.authority]} if facing.authority else {}),
        }
    return {
        "routers": routers,
        "middlewares": dict(_middlewares(facing)),
        "services": services,
        "serversTransports": transports,
    }


def _router(facing: Facing, name: str, pattern: str) -> Json:
    rule = f"PathRegexp(`^{re.escape(facing.prefix)}(?:{pattern})$`)"
    if facing.host is not None:
        rule = f"Host(`{facing.host}`) && {rule}"
    return {
        "entryPoints": ["customhouse"],
        "rule": rule,
        "service": name,
        "middlewares": list(_middlewares(facing)),
        **({"tls": {}} if facing.tls else {}),
    }


def _middlewares(facing: Facing) -> dict[str, Json]:
    removed = {name: "" for name in STRIPPED if not (facing.prefix and name == _FORWARDED)}
    found: dict[str, Json] = {f"{facing.name}-headers": {"headers": {"customRequestHeaders": removed}}}
    if facing.per_minute is not None:
        many = facing.per_minute
        found[f"{facing.name}-rate"] = {"rateLimit": {"average": many, "period": "1m", "burst": many}}
    if facing.prefix:
        found[f"{facing.name}-prefix"] = {"stripPrefix": {"prefixes": [facing.prefix]}}
    found[f"{facing.name}-retry"] = {
        "retry": {
            "attempts": 10,
            "initialInterval": "20ms",
            "maxRequestBodyBytes": facing.body_bytes,
            "retryNonIdempotentMethod": True,
            "status": ["502"],  # its own, where a connection breaks behind the request
        }
    }
    return found


def _service(facing: Facing, transport: str) -> Json:
    return {
        "loadBalancer": {
            "servers": [{"url": one.url} for one in facing.upstreams],
            "passHostHeader": True,
            "serversTransport": transport,
            "healthCheck": {"path": HEALTH, "interval": f"{HEALTH_SECONDS}s", "timeout": f"{HEALTH_SECONDS}s"},
        }
    }
