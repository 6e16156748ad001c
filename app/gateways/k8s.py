"""Kubernetes Gateway API (v1): an HTTPRoute, and the policies of Envoy Gateway (v1alpha1) beside it.

The upstream's name is that of a Service, ``NAME.NAMESPACE.svc`` or ``NAME``. The routes' own fields hold for any
implementation; tokens, limits of requests and health are Envoy Gateway's. The prefix stays in the path.
"""

from __future__ import annotations

from app.documents.schemas import Json
from app.edge.cors import ASKED, SHOWN
from app.gateways.facing import HEALTH, HEALTH_SECONDS, STRIPPED, Facing, Login, Of
from app.gateways.made import Made, as_yaml, commented, first_alone, keys_of, said, settings, unbounded

_ROUTES = "gateway.networking.k8s.io/v1"
_POLICIES = "gateway.envoyproxy.io/v1alpha1"
GATEWAY = "customhouse"
_REMOVED = [name for name in STRIPPED if not name.startswith("X-Envoy-")]
"""Envoy takes its own from strangers itself."""


def k8s(facing: Facing) -> Made:
    """Raises CannotStand."""
    wanted = settings(facing, prefix=True)
    wanted.pop("CUSTOMHOUSE_CORS_ORIGINS", None)  # said twice, browsers take neither
    left = (
        *first_alone(facing),
        f"The Gateway itself, '{GATEWAY}', with its listeners and certificates.",
        "Other implementations than Envoy Gateway: use the HTTPRoutes, and that one's own policies for the rest.",
        *unbounded(facing),
    )
    documents = [_route(facing, facing.name, ("document", "graphql", "about")), _backend_policy(facing, facing.name)]
    names = [facing.name]
    if facing.of("sql"):
        names.append(f"{facing.name}-sql")
        documents += [_route(facing, names[-1], ("sql",)), _backend_policy(facing, names[-1])]
    health = f"{facing.name}-health"
    documents += [_route(facing, health, ("health",))]
    if facing.logins or facing.origins:
        documents.append(_security_policy(facing, names))
    return Made(commented(said(facing, "Gateway API", wanted, left)) + as_yaml(*documents), wanted, left)


def _route(facing: Facing, name: str, kinds: tuple[Of, ...]) -> Json:
    routes = facing.of(*kinds)
    paths = sorted({route.path for route in routes if route.of != "document"})
    matches: list[Json] = [{"path": {"type": "Exact", "value": facing.prefix + path}} for path in paths]
    if any(route.of == "document" for route in routes):
        matches.append({"path": {"type": "PathPrefix", "value": f"{facing.prefix}/q"}})
    seconds = max(route.seconds for route in routes)
    service, _, rest = facing.upstreams[0].host.partition(".")
    space = rest.partition(".")[0]
    backend: Json = {"name": service, **({"namespace": space} if space else {}), "port": facing.upstreams[0].port}
    return {
        "apiVersion": _ROUTES,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "customhouse"}},
        "spec": {
            "parentRefs": [{"name": GATEWAY}],
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
