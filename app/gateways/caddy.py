"""Caddy (2.8 or later), as a Caddyfile.

Caddy replaces what strangers say of themselves in ``X-Forwarded-*``. It takes a process out while ``/readyz`` is not
200. A standard build has neither a limit of requests nor a check of tokens.
"""

from __future__ import annotations

from app.gateways.facing import HEAD_KIB, HEALTH, HEALTH_SECONDS, KEEP_SECONDS, REQUEST_ID, STRIPPED, Facing
from app.gateways.made import Made, commented, patterns, said, settings


def caddy(facing: Facing) -> Made:
    wanted = settings(facing)
    left = (
        *(() if facing.tls else _CLEAR),
        "Tokens and a limit of requests: a standard Caddy has neither; the gateway behind has both.",
    )
    text = "\n".join([*_global(facing), "", *_site(facing), ""])
    return Made(commented(said(facing, "Caddy", wanted, left)) + text, wanted, left)


_CLEAR = ("TLS: the site is plain HTTP; write the host alone in place of 'http://..' and Caddy gets a certificate.",)


def _global(facing: Facing) -> list[str]:
    """With TLS nothing listens in clear text, and nothing on UDP; who says no name is shown the certificate, too."""
    secure = ["\tauto_https disable_redirects", *([f"\tdefault_sni {facing.host}"] if facing.host else [])]
    return [
        "{",
        *(secure if facing.tls else []),
        "\tservers {",
        *(["\t\tprotocols h1 h2"] if facing.tls else []),
        f"\t\tmax_header_size {HEAD_KIB}KiB",
        "\t\ttimeouts {",
        "\t\t\tread_header 30s",
        "\t\t\tidle 75s",
        "\t\t}",
        "\t}",
        "}",
    ]


def _site(facing: Facing) -> list[str]:
    lines = [
        f"{'https' if facing.tls else 'http'}://{facing.host or ''}:{facing.port} {{",
        *(_shown(facing) if facing.tls else []),
        f"\t@unnamed not header_regexp X-Request-Id ^{REQUEST_ID}$",
        "\trequest_header @unnamed X-Request-Id {http.request.uuid}",
        "\trequest_body {",
        f"\t\tmax_size {facing.body_bytes}",
        "\t}",
    ]
    if facing.of("sql"):
        lines += _handled(facing, "sql", "/sql", facing.of("sql")[0].seconds)
    seconds = max(route.seconds for route in facing.routes if route.of != "sql")
    lines += _handled(facing, "asked", patterns(facing, leave=("sql",)), seconds)
    return [*lines, "\thandle {", "\t\trespond 404", "\t}", "}"]


def _shown(facing: Facing) -> list[str]:
    files = facing.files
    return [f"\ttls {f'{files.certificate} {files.key} ' if files else ''}{{", "\t\tprotocols tls1.2 tls1.3", "\t}"]


def _handled(facing: Facing, name: str, pattern: str, seconds: float) -> list[str]:
    """SQL has its own time, and is sent on as it comes. (A flush_interval of -1 would do so too, and would let a
    statement run on when its client has left.)"""
    transport = [
        "transport http {",
        *(["\ttls"] if facing.secure else []),
        *([f"\ttls_trust_pool file {facing.authority}"] if facing.authority else []),
        "\tdial_timeout 2s",
        f"\tresponse_header_timeout {seconds:g}s",
        f"\tkeepalive {KEEP_SECONDS}s",
        "\tcompression off",
        "}",
    ]
    proxy = [
        "lb_policy least_conn",
        # The one that has gone has the fewest connections, so it is chosen again until the next look at its health.
        "lb_try_duration 4s",
        "lb_try_interval 500ms",
        "lb_retries 6",
        "lb_retry_match method GET POST",
        f"request_buffers {facing.body_bytes}",
        f"health_uri {HEALTH}",
        f"health_interval {HEALTH_SECONDS}s",
        f"health_timeout {HEALTH_SECONDS}s",
        "health_status 200",
        *(["flush_interval 100ms"] if name == "sql" else []),
        *(f"header_up -{header}" for header in STRIPPED),
        *([f"header_up X-Forwarded-Prefix {facing.prefix}"] if facing.prefix else []),
        *transport,
    ]
    return [
        f"\t@{name} path_regexp ^{facing.prefix}(?:{pattern})$",
        f"\thandle @{name} {{",
        *([f"\t\turi strip_prefix {facing.prefix}"] if facing.prefix else []),
        f"\t\treverse_proxy {' '.join(one.address for one in facing.upstreams)} {{",
        *(f"\t\t\t{line}" for line in proxy),
        "\t\t}",
        "\t}",
    ]
