"""AWS API Gateway, HTTP API: OpenAPI 3.0 for ``aws apigatewayv2 import-api``.

One JWT authorizer may guard a route, RSA signatures only; it finds the keys by OpenID Connect discovery. AWS answers
preflights itself, and waits 30 seconds at most.
"""

from __future__ import annotations

from app.documents.schemas import Json
from app.edge.cors import ASKED, SHOWN
from app.gateways.aws import REQUEST_ID, described, paths
from app.gateways.facing import Facing, Login, Route
from app.gateways.made import Made, as_json, first_alone, settings, unbounded, within
from app.gateways.wrong import CannotStand

MOST_SECONDS = 30.0
_NAME = "an HTTP API of AWS"


def aws_http(facing: Facing) -> Made:
    """Raises CannotStand."""
    facing, late = within(facing, MOST_SECONDS, _NAME)
    login = _login(facing)
    document: Json = {
        "openapi": "3.0.1",
        "info": described(facing, "http"),
        "paths": paths(facing, _integration, {login.name: []} if login is not None else None),
    }
    if login is not None:
        document["components"] = {"securitySchemes": {login.name: _authorizer(login)}}
    if facing.origins:
        document["x-amazon-apigateway-cors"] = {
            "allowOrigins": list(facing.origins),
            "allowMethods": ["GET", "POST"],
            "allowHeaders": [name.lower() for name in ASKED],
            "exposeHeaders": [name.lower() for name in SHOWN],
            "maxAge": 600,
        }
    left = (
        *late,
        *first_alone(facing),
        "A limit of requests: set it on the stage (DefaultRouteSettings, ThrottlingRateLimit and ThrottlingBurstLimit)"
        + (f", such as {-(-facing.per_minute // 60)} a second." if facing.per_minute else "."),
        *unbounded(facing),
        "Request line and headers: AWS takes 10,240 bytes; ask long documents by hash, or by POST.",
        "Bodies: AWS takes 10 MB; the gateway behind bounds them.",
    )
    wanted = settings(facing, CUSTOMHOUSE_FORWARDED="forwarded", CUSTOMHOUSE_REQUEST_ID_FROM=REQUEST_ID)
    if facing.origins:
        del wanted["CUSTOMHOUSE_CORS_ORIGINS"]  # AWS says it, and drops what is said behind
    return Made(as_json(document), wanted, left)


def _integration(facing: Facing, route: Route, method: str) -> Json:
    return {
        "type": "http_proxy",
        "httpMethod": method,
        "uri": facing.upstreams[0].url + route.path,
        "connectionType": "INTERNET",
        "payloadFormatVersion": "1.0",
        "timeoutInMillis": int(min(route.seconds, MOST_SECONDS) * 1000),
        "requestParameters": {f"overwrite:header.{REQUEST_ID}": "$context.requestId"},
    }


def _login(facing: Facing) -> Login | None:
    if not facing.logins:
        return None
    if len(facing.logins) > 1:
        names = ", ".join(login.name for login in facing.logins)
        raise CannotStand(
            f"The zone '{facing.zone}' has several issuers ({names}), and a route of {_NAME} has one authorizer: "
            "leave tokens to the gateway behind with --tokens pass."
        )
    login = facing.logins[0]
    if not login.oidc:
        raise CannotStand(
            f"{_NAME[0].upper()}{_NAME[1:]} finds keys by OpenID Connect discovery, which the issuer '{login.name}' is "
            "not said to have (oidc: true): leave tokens to the gateway behind with --tokens pass."
        )
    if not any(algorithm.startswith("RS") for algorithm in login.algorithms):
        raise CannotStand(
            f"{_NAME[0].upper()}{_NAME[1:]} checks RSA signatures only, and the issuer '{login.name}' makes none: "
            "leave tokens to the gateway behind with --tokens pass."
        )
    return login


def _authorizer(login: Login) -> Json:
    return {
        "type": "oauth2",
        "flows": {},
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "jwtConfiguration": {"issuer": login.issuer, "audience": list(login.audiences)},
            "identitySource": "$request.header.Authorization",
        },
    }
