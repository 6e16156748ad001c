"""Kubernetes Gateway API (v1): an HTTPRoute, and the policies of Envoy Gateway (v1alpha1) beside it.

The upstream's name is that of a Service, ``NAME.NAMESPACE.svc`` or ``NAME``. The routes' own fields hold for any
implementation; tokens, limits of requests and health are Envoy Gateway's. The prefix stays in the path. With TLS the
Gateway is printed, too, with what Envoy Gateway asks of its clients; for https a BackendTLSPolicy (v1, of 1.4).
"""

from __future__ import annotations

from app.documents.schemas import Json
from app.edge.cors import ASKED, SHOWN
from app.gateways.facing import HEALTH, HEALTH_SECONDS, STRIPPED, Facing, Login, Of
from app.gateways.made import Made, as_yaml, commented, first_alone, keys_of, names_only, said, settings, unbounded
from app.gateways.tls import Secret

_ROUTES = "gateway.networking.k8s.io/v1"
_POLICIES = "gateway.envoyproxy.io/v1alpha1"
GATEWAY = "customhouse"
LISTENER = "https"
CLASS = "eg"
_LABELS = {"app.kubernetes.io/name": "customhouse"}
_REMOVED = [name for name in STRIPPED if not name.startswith("X-Envoy-")]
"""Envoy takes its own from strangers itself."""


def k8s(facing: Facing) -> Made:
    """Raises CannotStand."""
    names_only(facing, "The Gateway API")
    wanted = settings(facing, prefix=True)
    wanted.pop("CUSTOMHOUSE_CORS_ORIGINS", None)  # said twice, browsers take neither
    left = (
        *first_alone(facing),
        *_gateway_left(facing),
        "Other implementations than Envoy Gateway: use the HTTPRoutes, and that one's own policies for the rest.",
        *unbounded(facing),
    )
    documents: list[Json] = []
    if isinstance(facing.tls, Secret):
        documents += [_gateway(facing, facing.tls), _client_policy()]
    documents += [_route(facing, facing.name, ("document", "graphql", "about")), _backend_policy(facing, facing.name)]
    names = [facing.name]
    if facing.of("sql"):
        names.append(f"{facing.name}-sql")
        documents += [_route(facing, names[-1], ("sql",)), _backend_policy(facing, names[-1])]
    health = f"{facing.name}-health"
    documents += [_route(facing, health, ("health",))]
    if facing.secure:
        documents.append(_upstream_policy(facing))
    if facing.logins or facing.origins:
        documents.append(_security_policy(facing, names))
    return Made(commented(said(facing, "Gateway API", wanted, left)) + as_yaml(*documents), wanted, left)


def _gateway_left(facing: Facing) -> tuple[str, ...]:
    if facing.tls is None:
        return (f"The Gateway itself, '{GATEWAY}', with its listeners and certificates.",)
    return (f"The GatewayClass '{CLASS}', by the name that Envoy Gateway was installed with.",)


def _gateway(facing: Facing, secret: Secret) -> Json:
    listener: Json = {
        "name": LISTENER,
        "port": facing.port,
        "protocol": "HTTPS",
        **({"hostname": facing.host} if facing.host else {}),
        "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": secret.name}]},
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }
    return {
        "apiVersion": _ROUTES,
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "labels": _LABELS},
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
    }


def _client_policy() -> Json:
    """What `app.gateways.envoy` asks of clients."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": GATEWAY}
    return {
        "apiVersion": _POLICIES,
        "kind": "ClientTrafficPolicy",
        "metadata": {"name": GATEWAY},
        "spec": {
            "targetRefs": [target],
            "tls": {"minVersion": "1.2", "alpnProtocols": ["h2", "http/1.1"]},
            "path": {"escapedSlashesAction": "RejectRequest"},
            "headers": {
                "requestID": "PreserveOrGenerate",
                "withUnderscoresAction": "RejectRequest",
                "disableRateLimitHeaders": True,
            },
            "timeout": {"http": {"requestReceivedTimeout": "30s", "idleTimeout": "75s"}},
        },
    }


def _upstream_policy(facing: Facing) -> Json:
    """The Service is asked by TLS, for a certificate of its name as it was given."""
    service, space = _service(facing)
    validation: Json = {"hostname": facing.upstreams[0].host}
    if facing.authority is None:
        validation["wellKnownCACertificates"] = "System"
    else:
        validation["caCertificateRefs"] = [{"group": "", "kind": "ConfigMap", "name": facing.authority}]
    return {
        "apiVersion": _ROUTES,
        "kind": "BackendTLSPolicy",
        "metadata": {"name": facing.name, **({"namespace": space} if space else {})},
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": service}],
            "validation": validation,
        },
    }


def _service(facing: Facing) -> tuple[str, str]:
    """Name and namespace of the Service; "" is the Gateway's."""
    service, _, rest = facing.upstreams[0].host.partition(".")
    return service, rest.partition(".")[0]


def _route(facing: Facing, name: str, kinds: tuple[Of, ...]) -> Json:
    routes = facing.of(*kinds)
    paths = sorted({route.path for route in routes if route.of != "document"})
    matches: list[Json] = [{"path": {"type": "Exact", "value": facing.prefix + path}} for path in paths]
    if any(route.of == "document" for route in routes):
        matches.append({"path": {"type": "PathPrefix", "value": f"{facing.prefix}/q"}})
    seconds = max(route.seconds for route in routes)
    service, space = _service(facing)
    backend: Json = {"name": service, **({"namespace": space} if space else {}), "port": facing.upstreams[0].port}
    return {
        "apiVersion": _ROUTES,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "labels": _LABELS},
        "spec": {
            "parentRefs": [{"name": GATEWAY, **({"sectionName": LISTENER} if facing.tls else {})}],
            **({"hostnames": [facing.host]} if facing.host else {}),
            "rules": [
                {
                    "matches": matches,
                    "filters": [
                        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": _REMOVED}},
                    ],
                    "timeouts": {"request": f"{seconds:g}s", "backendRequest": f"{seconds:g}s"},
                    "backendRefs": [backend],
                }
            ],
        },
    }


def _target(name: str) -> Json:
    return {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": name}


def _backend_policy(facing: Facing, name: str) -> Json:
    spec: Json = {
        "targetRefs": [_target(name)],
        "healthCheck": {
            "active": {
                "type": "HTTP",
                "interval": f"{HEALTH_SECONDS}s",
                "timeout": f"{HEALTH_SECONDS}s",
                "unhealthyThreshold": 1,
                "healthyThreshold": 1,
                "http": {"path": HEALTH, "expectedStatuses": [200]},
            }
        },
        "retry": {"numRetries": 2, "retryOn": {"triggers": ["connect-failure", "refused-stream", "reset"]}},
        "requestBuffer": {"limit": str(facing.body_bytes)},
    }
    if facing.per_minute is not None:
        rule = {"limit": {"requests": facing.per_minute, "unit": "Minute"}}
        spec["rateLimit"] = {"type": "Local", "local": {"rules": [rule]}}
    return {"apiVersion": _POLICIES, "kind": "BackendTrafficPolicy", "metadata": {"name": name}, "spec": spec}


def _security_policy(facing: Facing, names: list[str]) -> Json:
    return {
        "apiVersion": _POLICIES,
        "kind": "SecurityPolicy",
        "metadata": {"name": facing.name},
        "spec": {
            "targetRefs": [_target(name) for name in names],
            **({"cors": _cors(facing)} if facing.origins else {}),
            **({"jwt": {"providers": [_provider(login) for login in facing.logins]}} if facing.logins else {}),
        },
    }


def _cors(facing: Facing) -> Json:
    """Answered here, since tokens are asked of preflights, too, that are passed on."""
    return {
        "allowOrigins": list(facing.origins),
        "allowMethods": ["GET", "POST"],
        "allowHeaders": list(ASKED),
        "exposeHeaders": list(SHOWN),
        "maxAge": "600s",
    }


def _provider(login: Login) -> Json:
    return {
        "name": login.name,
        "issuer": login.issuer,
        "audiences": list(login.audiences),
        "remoteJWKS": {"uri": keys_of(login, "Envoy Gateway")},
    }
