"""Envoy (1.30 or later), as a static configuration.

Tokens are checked by jwt_authn, for every path but health. Envoy tells us how long it waits
(``x-envoy-expected-rq-timeout-ms``), so our 504 comes before its own. It takes a process out while ``/readyz`` is not
200, and asks another one again where a connection broke: all that we answer is reads.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from app.documents.schemas import Json
from app.gateways.facing import (
    HEAD_KIB,
    HEALTH,
    HEALTH_SECONDS,
    KEEP_SECONDS,
    STRIPPED,
    Facing,
    Login,
    Route,
    Upstream,
)
from app.gateways.made import Made, as_yaml, commented, keys_of, said, settings, unbounded
from app.gateways.tls import AUTHORITIES, Files

_API = "type.googleapis.com/envoy.extensions"
_HTTP = f"{_API}.filters.http"
_TLS = f"{_API}.transport_sockets.tls.v3"
_MATCH = "envoy.transport_socket_match"
_OWN = ("X-Envoy-Expected-Rq-Timeout-Ms", "X-Envoy-Original-Path")
"""Envoy takes these from strangers itself, and says them."""


def envoy(facing: Facing) -> Made:
    """Raises CannotStand."""
    wanted = settings(facing)
    left = (
        *(() if facing.tls else ("TLS: the listener is plain HTTP; add a transport_socket with your certificate.",)),
        *unbounded(facing),
    )
    document: Json = {
        "static_resources": {
            "listeners": [_listener(facing)],
            "clusters": [_cluster(facing), *(_key_cluster(login) for login in facing.logins)],
        }
    }
    return Made(commented(said(facing, "Envoy", wanted, left)) + as_yaml(document), wanted, left)


def _listener(facing: Facing) -> Json:
    manager: Json = {
        "@type": f"{_API}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": facing.name,
        "use_remote_address": True,
        "preserve_external_request_id": True,
        "normalize_path": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "server_header_transformation": "PASS_THROUGH",
        "max_request_headers_kb": HEAD_KIB,
        "request_headers_timeout": "30s",
        "stream_idle_timeout": _span(max(300.0, facing.longest)),
        "common_http_protocol_options": {
            "idle_timeout": "75s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        **(_HTTP2 if facing.files else {}),
        "http_filters": _filters(facing),
        "route_config": {"name": facing.name, "virtual_hosts": [_virtual_host(facing)]},
    }
    return {
        "name": facing.name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": facing.port}},
        "filter_chains": [
            {
                "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
                **(_shown(facing.files) if facing.files else {}),
            }
        ],
    }


_HTTP2: Json = {
    "http2_protocol_options": {
        "max_concurrent_streams": 100,
        "initial_stream_window_size": 65_536,
        "initial_connection_window_size": 1_048_576,
    }
}
"""As Envoy advises at an edge: its own windows would keep 256 MiB for one connection."""


def _shown(files: Files) -> Json:
    """What clients connect with. The handshake has its own time: until it is over no other one runs."""
    pair = {"certificate_chain": {"filename": files.certificate}, "private_key": {"filename": files.key}}
    common: Json = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [pair],
    }
    config: Json = {"@type": f"{_TLS}.DownstreamTlsContext", "common_tls_context": common}
    return {"transport_socket_connect_timeout": "10s", **_socket(config)}


def _socket(config: Json) -> Json:
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": config}}


def _filters(facing: Facing) -> list[Json]:
    found = []
    if facing.per_minute is not None:
        bucket = {"max_tokens": facing.per_minute, "tokens_per_fill": facing.per_minute, "fill_interval": "60s"}
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        found.append(
            _filter(
                "local_ratelimit",
                f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
                {"stat_prefix": facing.name, "token_bucket": bucket, "filter_enabled": always,
                 "filter_enforced": always},
            )
        )  # fmt: skip
    if facing.logins:
        found.append(_filter("jwt_authn", f"{_HTTP}.jwt_authn.v3.JwtAuthentication", _tokens(facing)))
    found.append(_filter("buffer", f"{_HTTP}.buffer.v3.Buffer", {"max_request_bytes": facing.body_bytes}))
    found.append(_filter("router", f"{_HTTP}.router.v3.Router", {}))
    return found


def _filter(name: str, type_: str, config: Json) -> Json:
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": type_, **config}}


def _tokens(facing: Facing) -> Json:
    each: list[Json] = [{"provider_name": login.name} for login in facing.logins]
    needed: Json = each[0] if len(each) == 1 else {"requires_any": {"requirements": each}}
    open_: list[Json] = [{"match": {"path": facing.prefix + route.path}} for route in facing.of("health")]
    return {
        "providers": {login.name: _provider(login) for login in facing.logins},
        "rules": [*open_, {"match": {"prefix": "/"}, "requires": needed}],
        **({"bypass_cors_preflight": True} if facing.origins else {}),
    }


def _provider(login: Login) -> Json:
    uri = {"uri": keys_of(login, "Envoy"), "cluster": f"keys-{login.name}", "timeout": "5s"}
    return {
        "issuer": login.issuer,
        "audiences": list(login.audiences),
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": 1,
        "remote_jwks": {"http_uri": uri, "cache_duration": "60s", "async_fetch": {"fast_listener": False}},
    }


def _virtual_host(facing: Facing) -> Json:
    hosts = ["*"] if facing.host is None else [facing.host, f"{facing.host}:*"]
    prefix: Json = {}
    if facing.prefix:
        header = {"key": "X-Forwarded-Prefix", "value": facing.prefix}
        prefix = {"request_headers_to_add": [{"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]}
    removed = [name for name in STRIPPED if name not in _OWN and not (facing.prefix and name == "X-Forwarded-Prefix")]
    return {
        "name": facing.name,
        "domains": hosts,
        "request_headers_to_remove": removed,
        **prefix,
        "retry_policy": _again(),
        "routes": [_route(facing, route) for route in facing.routes],
    }


def _again() -> Json:
    return {
        "retry_on": "connect-failure,refused-stream,reset",
        "num_retries": 2,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": f"{_API}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
            }
        ],
        # The one that has gone has the fewest requests, so it would be chosen again and again.
        "host_selection_retry_max_attempts": 20,
    }


def _route(facing: Facing, route: Route) -> Json:
    match: Json = {"path": facing.prefix + route.path}
    if "{hash}" in route.path:  # without the number of digits: Envoy takes short patterns only
        match = {"safe_regex": {"regex": facing.prefix + route.path.replace("{hash}", "(?:sha256:)?[0-9a-fA-F]+")}}
    action: Json = {"cluster": facing.name, "timeout": _span(route.seconds)}
    if facing.prefix:
        action["regex_rewrite"] = {"pattern": {"regex": f"^{facing.prefix}/"}, "substitution": "/"}
    return {"match": match, "route": action}


def _cluster(facing: Facing) -> Json:
    return {
        "name": facing.name,
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "lb_policy": "LEAST_REQUEST",
        # By default three requests at a time are asked again, which are soon found where a process has gone.
        "circuit_breakers": {"thresholds": [{"max_retries": 100}]},
        "typed_extension_protocol_options": _upstream_options(bool(facing.prefix)),
        "health_checks": [
            {
                "timeout": f"{HEALTH_SECONDS}s",
                "interval": f"{HEALTH_SECONDS}s",
                "no_traffic_interval": f"{HEALTH_SECONDS}s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "http_health_check": {"path": HEALTH},
            }
        ],
        **(_checked(facing) if facing.secure else {}),
        "load_assignment": {
            "cluster_name": facing.name,
            "endpoints": [{"lb_endpoints": [_process(facing, one) for one in facing.upstreams]}],
        },
    }


def _checked(facing: Facing) -> Json:
    """Each upstream is asked by its own name, and shows a certificate of that name."""
    trusted = facing.authority or AUTHORITIES
    if len(facing.names) == 1:
        return _tls(facing.names[0], trusted, _VERSIONS)
    return {
        "transport_socket_matches": [
            {"name": name, "match": {"name": name}, **_tls(name, trusted, _VERSIONS)} for name in facing.names
        ]
    }


def _process(facing: Facing, one: Upstream) -> Json:
    found = _endpoint(one.host, one.port)
    if facing.secure and len(facing.names) > 1:
        found["metadata"] = {"filter_metadata": {_MATCH: {"name": one.host}}}
    return found


def _upstream_options(rewritten: bool) -> Json:
    """Where a prefix is taken off, Envoy sends the whole path a second time, for which a long query leaves no room."""
    removal: Json = {"mutations": {"request_mutations": [{"remove": "x-envoy-original-path"}]}}
    filters = [
        _filter("header_mutation", f"{_HTTP}.header_mutation.v3.HeaderMutation", removal),
        _filter("upstream_codec", f"{_HTTP}.upstream_codec.v3.UpstreamCodec", {}),
    ]
    return {
        f"{_API.removeprefix('type.googleapis.com/')}.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{_API}.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {"idle_timeout": f"{KEEP_SECONDS}s"},
            "explicit_http_config": {"http_protocol_options": {}},
            **({"http_filters": filters} if rewritten else {}),
        }
    }


def _key_cluster(login: Login) -> Json:
    parts = urlsplit(keys_of(login, "Envoy"))
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    return {
        "name": f"keys-{login.name}",
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        **(_tls(host, AUTHORITIES) if parts.scheme == "https" else {}),
        "load_assignment": {
            "cluster_name": f"keys-{login.name}",
            "endpoints": [{"lb_endpoints": [_endpoint(host, port)]}],
        },
    }


def _endpoint(host: str, port: int) -> Json:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}


_VERSIONS: Json = {"tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}}
"""Of itself Envoy asks in TLS 1.2 and no other."""


def _tls(host: str, authority: str, versions: Json | None = None) -> Json:
    """An address is not said in the handshake (RFC 6066), and stands as an address in the certificate."""
    named = Upstream("https", host, 443).named
    checked = {
        "trusted_ca": {"filename": authority},
        "match_typed_subject_alt_names": [{"san_type": "DNS" if named else "IP_ADDRESS", "matcher": {"exact": host}}],
    }
    config: Json = {
        "@type": f"{_TLS}.UpstreamTlsContext",
        **({"sni": host} if named else {}),
        "common_tls_context": {**(versions or {}), "validation_context": checked},
    }
    return _socket(config)


def _span(seconds: float) -> str:
    return f"{seconds:g}s"
