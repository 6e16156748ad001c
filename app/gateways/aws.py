"""What the two kinds of AWS API Gateway share: OpenAPI 3.0 with an operation for each route and method, and no schemas,
which AWS reads as models with rules of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.documents.schemas import Json
from app.gateways.facing import Facing, Route
from app.gateways.made import hash_parameter

REQUEST_ID = "x-gateway-request-id"
"""A header of ours that AWS may fill: names that begin with apigw- are its own."""
Integration = Callable[[Facing, Route, str], Json]


def described(facing: Facing, kind: str) -> Json:
    return {"title": f"{facing.name}-{kind}", "description": f"The zone {facing.zone} of Customhouse.", "version": "1"}


def paths(facing: Facing, integration: Integration, security: Mapping[str, list[str]] | None) -> Json:
    found: dict[str, Json] = {}
    for route in facing.routes:
        operations = found.setdefault(route.path, {})
        for method in route.methods:
            operations[method.lower()] = _operation(facing, route, method, integration, security)
    return dict(found)


def _operation(
    facing: Facing, route: Route, method: str, integration: Integration, security: Mapping[str, list[str]] | None
) -> Json:
    made: Json = {"operationId": operation_id(route, method)}
    if "{hash}" in route.path:
        made["parameters"] = [hash_parameter()]
    if security is not None and route.token:
        made["security"] = [dict(security)]
    made["responses"] = {"default": {"description": "What the gateway behind answers."}}
    made["x-amazon-apigateway-integration"] = integration(facing, route, method)
    return made


def operation_id(route: Route, method: str) -> str:
    """Letters and digits, one for each path and method."""
    words = route.path.replace("{", "").replace("}", "").replace("_", "").replace("/", " ").replace(".", " ").split()
    return method.lower() + "".join(word[:1].upper() + word[1:] for word in words)
