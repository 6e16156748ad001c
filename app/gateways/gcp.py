"""Google Cloud API Gateway: OpenAPI 3.0 with Google's extensions, for ``gcloud api-gateway api-configs create``.

The client's token stays in ``Authorization``: ``disableAuth`` keeps Google from putting its own there. Where the
gateway behind is to be asked in Google's name, see docs/behind-a-gateway.md.
"""

from __future__ import annotations

from app.documents.schemas import Json
from app.gateways.aws import operation_id
from app.gateways.facing import Facing, Login, Route
from app.gateways.made import Made, as_yaml, commented, first_alone, hash_parameter, said, settings, within
from app.gateways.wrong import CannotStand

MOST_SECONDS = 600.0


def gcp(facing: Facing) -> Made:
    """Raises CannotStand."""
    facing, late = within(facing, MOST_SECONDS, "API Gateway of Google Cloud")
    wanted = settings(facing)
    left = (
        *late,
        *first_alone(facing),
        "A limit of requests: quotas of Google count by API key or project, not by address or token.",
        "Bodies: Google takes 32 MB; the gateway behind bounds them.",
    )
    document: Json = {
        "openapi": "3.0.4",
        "info": {"title": facing.name, "description": f"The zone {facing.zone} of Customhouse.", "version": "1"},
        **({"servers": [{"url": f"https://{facing.host}"}]} if facing.host else {}),
        "x-google-api-management": {"backends": {name: _backend(facing, name) for name in _backends(facing)}},
        "x-google-backend": "questions",
        "paths": _paths(facing),
    }
    if facing.logins:
        document["security"] = [{login.name: []} for login in facing.logins]
        document["components"] = {"securitySchemes": {login.name: _scheme(login) for login in facing.logins}}
    return Made(commented(said(facing, "Google Cloud API Gateway", wanted, left)) + as_yaml(document), wanted, left)


def _backends(facing: Facing) -> tuple[str, ...]:
    return ("questions", "statements") if facing.of("sql") else ("questions",)


def _backend(facing: Facing, name: str) -> Json:
    kinds = facing.of("sql") if name == "statements" else facing.of("document", "graphql", "about", "health")
    return {
        "address": facing.upstreams[0].url,
        "pathTranslation": "APPEND_PATH_TO_ADDRESS",
        "protocol": "http/1.1",
        "deadline": max(route.seconds for route in kinds),
        "disableAuth": True,
    }


def _paths(facing: Facing) -> Json:
    found: dict[str, Json] = {}
    for route in facing.routes:
        operations = found.setdefault(route.path, {})
        methods = [
            *route.methods,
            *(["OPTIONS"] if facing.origins and route.of in ("document", "graphql", "sql") else []),
        ]
        for method in methods:
            operations[method.lower()] = _operation(facing, route, method)
    return dict(found)


def _operation(facing: Facing, route: Route, method: str) -> Json:
    made: Json = {"operationId": operation_id(route, method)}
    if "{hash}" in route.path:
        made["parameters"] = [hash_parameter()]
    if facing.logins and (not route.token or method == "OPTIONS"):
        made["security"] = []
    if route.of == "sql":
        made["x-google-backend"] = "statements"
    made["responses"] = {"default": {"description": "What the gateway behind answers."}}
    return made


def _scheme(login: Login) -> Json:
    """Where no address of keys is known, Google finds it by OpenID Connect discovery."""
    if login.keys is None and not login.oidc:
        raise CannotStand(
            f"Google Cloud checks tokens with keys from an address, and none is known for the issuer '{login.name}': "
            f"say --jwks {login.name}=URL, or leave tokens to the gateway behind with --tokens pass."
        )
    keys = {"jwksUri": login.keys} if login.keys is not None else {}
    return {
        "type": "oauth2",
        "flows": {"implicit": {"authorizationUrl": login.issuer, "scopes": {}}},
        "x-google-auth": {"issuer": login.issuer, **keys, "audiences": list(login.audiences)},
    }
