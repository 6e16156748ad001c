"""HAProxy (2.4 or later), as a whole configuration.

It takes a process out while ``/readyz`` is not 200, and asks another one where a connection could not be made or ended
without a byte. Heads may have 64 KiB, for which its buffers are larger than usual. Its certificate is one file, beside
which it finds a key of the same name and ``.key``.
"""

from __future__ import annotations

import re

from app.gateways.facing import HEAD_KIB, HEALTH, HEALTH_SECONDS, REQUEST_ID, STRIPPED, Facing, Upstream
from app.gateways.made import Made, commented, names_only, patterns, said, settings, unbounded, whole
from app.gateways.tls import AUTHORITIES, CIPHERS, Files

_BUFFER = 2 * HEAD_KIB * 1024


def haproxy(facing: Facing) -> Made:
    """Raises CannotStand."""
    names_only(facing, "HAProxy")
    wanted = settings(facing)
    left = (
        *(_one_file(facing.files) if facing.files else _CLEAR),
        "Tokens: left to the gateway behind; HAProxy checks them with keys in files only (jwt_verify).",
        *unbounded(facing),
    )
    blocks = [_global(facing), _defaults(facing), _frontend(facing), _backend(facing)]
    return Made(commented(said(facing, "HAProxy", wanted, left)) + "\n".join(blocks), wanted, left)


_CLEAR = ("TLS: the frontend is plain HTTP; add 'ssl crt FILE' to its bind line.",)


def _one_file(files: Files) -> tuple[str, ...]:
    if files.key in (files.certificate, f"{files.certificate}.key"):
        return ()
    return (
        f"One file of certificate and key, as HAProxy wants it: append {files.key} to {files.certificate}, "
        f"or link it as {files.certificate}.key.",
    )


def _block(head: str, lines: list[str]) -> str:
    return "\n".join([head, *(f"    {line}" for line in lines if line), ""])


def _global(facing: Facing) -> str:
    lines = [f"tune.bufsize {_BUFFER}", "tune.maxrewrite 8192", "tune.http.maxhdr 256"]
    if facing.files:
        lines += [
            "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
            f"ssl-default-bind-ciphers {CIPHERS}",
        ]
    return _block("global", lines)


def _defaults(facing: Facing) -> str:
    """A client who leaves is noticed where the frontend has abortonclose, too, which only defaults give it."""
    return _block(
        "defaults",
        [
            "mode http",
            "option abortonclose",
            "timeout connect 2s",
            "timeout client 30s",
            "timeout http-request 30s",
            "timeout http-keep-alive 75s",
            f"timeout server {_seconds(facing, 'graphql')}s",
        ],
    )


def _frontend(facing: Facing) -> str:
    prefix = re.escape(facing.prefix)
    host = f"acl ours hdr(host),field(1,:) -i {facing.host}" if facing.host else ""
    rate = []
    if facing.per_minute is not None:
        rate = [
            "stick-table type ipv6 size 100k expire 2m store http_req_rate(1m)",
            "http-request track-sc0 src",
            f"http-request return status 429 hdr Retry-After 60 if {{ sc_http_req_rate(0) gt {facing.per_minute} }}",
        ]
    return _block(
        f"frontend {facing.name}",
        [
            f"bind :{facing.port}" + (f" ssl crt {facing.files.certificate} alpn h2,http/1.1" if facing.files else ""),
            host,
            f"acl known path -m reg ^{prefix}({patterns(facing)})$",
            f"http-request return status 404 unless known{' ours' if facing.host else ''}",
            *rate,
            f"http-request return status 413 if {{ req.body_size gt {facing.body_bytes} }}",
            "unique-id-format %[uuid()]",
            f"acl named req.hdr(X-Request-Id) -m reg ^{REQUEST_ID}$",
            "http-request set-header X-Request-Id %[unique-id] unless named",
            *(f"http-request del-header {name}" for name in STRIPPED),
            "option forwardfor",
            "http-request set-header X-Forwarded-Proto http if !{ ssl_fc }",
            "http-request set-header X-Forwarded-Proto https if { ssl_fc }",
            "http-request set-header X-Forwarded-Host %[req.hdr(Host)]",
            f"http-request set-header X-Forwarded-Prefix {facing.prefix}" if facing.prefix else "",
            f"http-request replace-path ^{prefix}(/.*) \\1" if facing.prefix else "",
            f"default_backend {facing.name}",
        ],
    )


def _backend(facing: Facing) -> str:
    first = facing.upstreams[0]
    tls = f" ssl ssl-min-ver TLSv1.2 verify required ca-file {facing.authority or AUTHORITIES}"
    return _block(
        f"backend {facing.name}",
        [
            f"http-request set-timeout server {_seconds(facing, 'sql')}s if {{ path /sql }}"
            if facing.of("sql")
            else "",
            "balance leastconn",
            "option redispatch 1",
            "retries 2",
            "retry-on conn-failure empty-response",
            "http-reuse safe",
            "option httpchk",
            f"http-check send meth GET uri {HEALTH} ver HTTP/1.1 hdr Host {facing.host or first.host}",
            "http-check expect status 200",
            f"default-server check inter {HEALTH_SECONDS}s fall 1 rise 1{tls if facing.secure else ''}",
            *(_server(number, one) for number, one in enumerate(facing.upstreams, 1)),
        ],
    )


def _server(number: int, one: Upstream) -> str:
    """The name that is said in the handshake is the one that is checked, and health has a handshake of its own."""
    name = f" sni str({one.host}) check-sni {one.host}" if one.scheme == "https" else ""
    return f"server s{number} {one.address}{name}"


def _seconds(facing: Facing, of: str) -> int:
    return whole(next(route.seconds for route in facing.routes if route.of == of))
