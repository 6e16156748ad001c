"""Kong Gateway (3.x), as a declarative file of format 3.0 for decK, or for Kong without a database.

Only plugins of the open edition. Kong leaves the prefix in the path; ``CUSTOMHOUSE_PREFIX`` takes it off. How Kong
listens, and whom it trusts, are settings of its own, which the first lines of the file tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.documents.schemas import Json
from app.gateways.facing import HEALTH, HEALTH_SECONDS, STRIPPED, Facing, Route
from app.gateways.made import Made, as_yaml, commented, names_only, said, settings, unbounded
from app.gateways.tls import AUTHORITIES, DEPTH

_IDENTITY = ("X-Consumer-Id", "X-Consumer-Custom-Id", "X-Consumer-Username", "X-Credential-Identifier")


def kong(facing: Facing) -> Made:
    """Raises CannotStand."""
    names_only(facing, "Kong")
    wanted = settings(facing, prefix=True)
    left = (
        *(() if facing.tls else ("TLS and listeners: they are settings of Kong itself (KONG_PROXY_LISTEN).",)),
        "Tokens: the open edition has no plugin that reads an issuer's key set; the gateway behind checks them.",
        "Heads of more than 32 KiB: nginx_http_large_client_header_buffers=4 64k is a setting of Kong itself.",
        *unbounded(facing),
    )
    document: Json = {
        "_format_version": "3.0",
        "services": list(_services(facing)),
        "upstreams": [_upstream(facing)],
    }
    own = [f"  {name}={value}" for name, value in _own(facing).items()]
    begin = [*said(facing, "Kong", wanted, left), *(["Kong itself is to have:", *own] if own else [])]
    return Made(commented(begin) + as_yaml(document), wanted, left)


def _own(facing: Facing) -> dict[str, str]:
    found: dict[str, str] = {}
    if facing.files:
        found |= {
            "KONG_PROXY_LISTEN": f"0.0.0.0:{facing.port} ssl http2",
            "KONG_SSL_CERT": facing.files.certificate,
            "KONG_SSL_CERT_KEY": facing.files.key,
            "KONG_SSL_PROTOCOLS": "TLSv1.2 TLSv1.3",
            "KONG_SSL_CIPHER_SUITE": "intermediate",
        }
    if facing.secure:  # the first for requests, the second for health
        found["KONG_NGINX_PROXY_PROXY_SSL_TRUSTED_CERTIFICATE"] = facing.authority or AUTHORITIES
        found["KONG_LUA_SSL_TRUSTED_CERTIFICATE"] = facing.authority or AUTHORITIES
    return found


def _services(facing: Facing) -> Iterator[Json]:
    """A service has one time, so SQL, which takes longer, is a service of its own."""
    for of in ("graphql", "sql"):
        routes = facing.of("sql") if of == "sql" else facing.of("document", "graphql", "about", "health")
        if not routes:
            continue
        milliseconds = int(max(route.seconds for route in routes) * 1000)
        yield {
            "name": f"{facing.name}-sql" if of == "sql" else facing.name,
            "protocol": facing.upstreams[0].scheme,
            "host": facing.name,
            "port": facing.upstreams[0].port,
            "connect_timeout": 2000,
            "read_timeout": milliseconds,
            "write_timeout": milliseconds,
            "retries": 2,
            **({"tls_verify": True, "tls_verify_depth": DEPTH} if facing.secure else {}),
            "routes": list(_routes(facing, routes)),
            "plugins": _plugins(facing),
        }


def _routes(facing: Facing, routes: tuple[Route, ...]) -> Iterator[Json]:
    documents = [route for route in routes if route.of == "document"]
    if documents and facing.documents is not None:
        yield _route(facing, "documents", [facing.documents], ("GET",))
    for route in routes:
        if route.of != "document":
            word = re.sub(r"[^a-z0-9]+", "-", route.path.strip("/").lower())
            yield _route(facing, word, [re.escape(route.path)], route.methods)


def _route(facing: Facing, name: str, patterns: list[str], methods: tuple[str, ...]) -> Json:
    """Kong asks an upstream's certificate for the name in Host. What clients said there, X-Forwarded-Host says, too."""
    return {
        "name": f"{facing.name}-{name}",
        **({"hosts": [facing.host]} if facing.host else {}),
        "paths": [f"~{re.escape(facing.prefix)}{pattern}$" for pattern in patterns],
        "methods": [*methods, *(["OPTIONS"] if facing.origins else [])],
        **({"protocols": ["https"]} if facing.tls else {}),
        "strip_path": False,
        "preserve_host": not facing.secure,
        "request_buffering": True,
        "response_buffering": name != "sql",
    }


def _plugins(facing: Facing) -> list[Json]:
    size = {"allowed_payload_size": facing.body_bytes, "size_unit": "bytes", "require_content_length": False}
    found: list[Json] = [
        {
            "name": "correlation-id",
            "config": {"header_name": "X-Request-Id", "generator": "uuid", "echo_downstream": False},
        },
        {"name": "request-size-limiting", "config": size},
        {"name": "request-transformer", "config": {"remove": {"headers": [*STRIPPED, *_IDENTITY]}}},
    ]
    if facing.per_minute is not None:
        limit = {"minute": facing.per_minute, "policy": "local", "limit_by": "ip", "hide_client_headers": True}
        found.append({"name": "rate-limiting", "config": limit})
    return found


def _upstream(facing: Facing) -> Json:
    every = {"interval": HEALTH_SECONDS}
    return {
        "name": facing.name,
        "algorithm": "least-connections",
        "targets": [{"target": one.address, "weight": 100} for one in facing.upstreams],
        "healthchecks": {
            "active": {
                "type": facing.upstreams[0].scheme,
                "http_path": HEALTH,
                "timeout": HEALTH_SECONDS,
                "healthy": {**every, "http_statuses": [200], "successes": 1},
                "unhealthy": {**every, "http_statuses": [503], "http_failures": 1, "tcp_failures": 1, "timeouts": 1},
            }
        },
    }
