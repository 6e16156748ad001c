"""NGINX (1.19.7 or later), as a file of its ``http`` block, such as conf.d/customhouse.conf.

The open-source NGINX checks no tokens and asks nobody for health: it takes a process out when it does not connect, and
then asks the next one.
"""

from __future__ import annotations

import re

from app.gateways.facing import HEAD_KIB, KEEP_SECONDS, REQUEST_ID, STRIPPED, Facing
from app.gateways.made import Made, commented, names_only, patterns, said, settings, unbounded, whole
from app.gateways.tls import AUTHORITIES, CIPHERS, DEPTH, Files


def nginx(facing: Facing) -> Made:
    """Raises CannotStand."""
    names_only(facing, "NGINX")
    wanted = settings(facing)
    left = (
        *(() if facing.tls else ("TLS: the server is plain HTTP; add 'listen 443 ssl' with your certificate.",)),
        *_one_name(facing),
        "Tokens: this NGINX does not check them; the gateway behind does.",
        *unbounded(facing),
    )
    blocks = [_upstream(facing), _outside(facing), _server(facing)]
    return Made(commented(said(facing, "NGINX", wanted, left)) + "\n".join(blocks), wanted, left)


def _one_name(facing: Facing) -> tuple[str, ...]:
    first, *others = facing.names
    if not facing.secure or not others:
        return ()
    return (f"Certificates of several names: NGINX knows one for all upstreams; each has to show one of {first}.",)


def _word(facing: Facing) -> str:
    return re.sub(r"[^a-z0-9]", "_", facing.name.lower())


def _upstream(facing: Facing) -> str:
    servers = [f"    server {one.address} max_fails=1 fail_timeout=2s;" for one in facing.upstreams]
    return "\n".join(
        [
            f"upstream {_word(facing)} {{",
            "    least_conn;",
            *servers,
            "    keepalive 64;",
            f"    keepalive_timeout {KEEP_SECONDS}s;",
            "}",
            "",
        ]
    )


def _outside(facing: Facing) -> str:
    word = _word(facing)
    lines = [
        "# Who brings an id of a safe form keeps it.",
        f"map $http_x_request_id ${word}_id {{",
        "    default $request_id;",
        f'    "~^{REQUEST_ID}$" $http_x_request_id;',
        "}",
    ]
    if facing.per_minute is not None:
        lines.append(f"limit_req_zone $binary_remote_addr zone={word}:10m rate={facing.per_minute}r/m;")
    return "\n".join([*lines, ""])


def _server(facing: Facing) -> str:
    word, files = _word(facing), facing.files
    prefix = f'"{facing.prefix}"' if facing.prefix else '""'
    sent = {
        "Connection": '""',
        "Host": "$http_host",
        "X-Request-Id": f"${word}_id",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for",
        "X-Forwarded-Proto": "$scheme",
        "X-Forwarded-Host": "$http_host",
        **dict.fromkeys(STRIPPED, '""'),
        "X-Forwarded-Prefix": prefix,
    }
    lines = [
        f"listen {facing.port}{' ssl http2' if files else ''};",
        f"server_name {facing.host or '_'};",
        *(_shown(word, files) if files else []),
        "server_tokens off;",
        "gzip off;",
        f"client_max_body_size {facing.body_bytes};",
        f"large_client_header_buffers 4 {HEAD_KIB}k;",
        "client_header_timeout 30s;",
        "client_body_timeout 30s;",
        "keepalive_timeout 75s;",
        "proxy_http_version 1.1;",
        "proxy_connect_timeout 2s;",
        "proxy_next_upstream error non_idempotent;",
        "proxy_next_upstream_tries 2;",
        "proxy_max_temp_file_size 0;",
        *(f"proxy_set_header {name} {value};" for name, value in sent.items()),
        *(_checked(facing.names[0], facing.authority or AUTHORITIES) if facing.secure else []),
        *_rate(facing),
        # Where no other server listens, this one is asked whatever the name is.
        *([f'if ($host != "{facing.host.lower()}") {{ return 404; }}'] if facing.host else []),
        "location / { return 404; }",
    ]
    lines += [*_location(facing, sql=True), *_location(facing, sql=False)]
    return "\n".join(["server {", *(f"    {line}" for line in lines), "}", ""])


def _location(facing: Facing, sql: bool) -> list[str]:
    """SQL is sent on as it comes, and takes its own time; the others have one time."""
    chosen = facing.of("sql") if sql else facing.of("document", "graphql", "about", "health")
    if not chosen:
        return []
    pattern = "/sql" if sql else patterns(facing, leave=("sql",))
    scheme = facing.upstreams[0].scheme
    inner = [
        f"rewrite ^{re.escape(facing.prefix)}(/.*)$ $1 break;" if facing.prefix else "",
        f"proxy_read_timeout {whole(max(route.seconds for route in chosen))}s;",
        "proxy_buffering off;" if sql else "",
        f"proxy_pass {scheme}://{_word(facing)};",
    ]
    return [
        f'location ~ "^{re.escape(facing.prefix)}(?:{pattern})$" {{',
        *(f"    {line}" for line in inner if line),
        "}",
    ]


def _rate(facing: Facing) -> list[str]:
    if facing.per_minute is None:
        return []
    return [f"limit_req zone={_word(facing)} burst={facing.per_minute} nodelay;", "limit_req_status 429;"]


def _shown(word: str, files: Files) -> list[str]:
    """What clients connect with. Session tickets are off: their key is as old as the process."""
    return [
        f"ssl_certificate {files.certificate};",
        f"ssl_certificate_key {files.key};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        f"ssl_ciphers {CIPHERS};",
        "ssl_prefer_server_ciphers off;",
        f"ssl_session_cache shared:{word}_tls:10m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
    ]


def _checked(host: str, authority: str) -> list[str]:
    return [
        "proxy_ssl_server_name on;",
        f"proxy_ssl_name {host};",
        "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
        "proxy_ssl_verify on;",
        f"proxy_ssl_verify_depth {DEPTH};",
        f"proxy_ssl_trusted_certificate {authority};",
    ]
