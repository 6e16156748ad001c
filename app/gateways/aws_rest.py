"""AWS API Gateway, REST API: OpenAPI 3.0 for ``aws apigateway import-rest-api``.

A REST API has no authorizer for JWTs of any issuer, so tokens are checked behind it. Answers are passed on as bytes:
without ``binary-media-types`` AWS would take gzip and Arrow for text.
"""

from __future__ import annotations

from app.documents.schemas import Json
from app.gateways.aws import REQUEST_ID, described, operation_id, paths
from app.gateways.facing import Facing, Route
from app.gateways.made import Made, as_json, first_alone, hash_parameter, settings, unbounded, within

MOST_SECONDS = 29.0


def aws_rest(facing: Facing) -> Made:
    """Raises CannotStand."""
    facing, late = within(facing, MOST_SECONDS, "a REST API of AWS")
    every = paths(facing, _integration, None)
    if facing.origins:
        for route in facing.of("document", "graphql", "sql"):
            every[route.path] = {**_object(every[route.path]), "options": _preflight(facing, route)}
    document: Json = {
        "openapi": "3.0.1",
        "info": described(facing, "rest"),
        "paths": every,
        "x-amazon-apigateway-binary-media-types": ["*/*"],
    }
    left = (
        *late,
        *first_alone(facing),
        "Tokens: left to the gateway behind; a REST API checks those of Cognito, or by a function of yours.",
        "A limit of requests: set it on the stage, or in a usage plan"
        + (f", such as {-(-facing.per_minute // 60)} a second." if facing.per_minute else "."),
        *unbounded(facing),
        "Request line and headers: AWS takes 10,240 bytes; ask long documents by hash, or by POST.",
        "WWW-Authenticate: AWS sends it as x-amzn-remapped-www-authenticate.",
    )
    return Made(as_json(document), settings(facing, CUSTOMHOUSE_REQUEST_ID_FROM=REQUEST_ID), left)


def _integration(facing: Facing, route: Route, method: str) -> Json:
    mapped = {f"integration.request.header.{REQUEST_ID}": "context.requestId"}
    if "{hash}" in route.path:
        mapped["integration.request.path.hash"] = "method.request.path.hash"
    return {
        "type": "http_proxy",
        "httpMethod": method,
        "uri": facing.upstreams[0].url + route.path,
        "connectionType": "INTERNET",
        "passthroughBehavior": "when_no_match",
        "timeoutInMillis": int(min(route.seconds, MOST_SECONDS) * 1000),
        "requestParameters": mapped,
    }


def _preflight(facing: Facing, route: Route) -> Json:
    found: Json = {"operationId": operation_id(route, "options")}
    if "{hash}" in route.path:
        found["parameters"] = [hash_parameter()]
    found["responses"] = {"default": {"description": "Whether a page may ask."}}
    found["x-amazon-apigateway-integration"] = _integration(facing, route, "OPTIONS")
    return found


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
