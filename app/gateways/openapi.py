"""OpenAPI of a whole zone: its registered documents (`app.documents.openapi`), GraphQL, SQL, what describes it, health.

OpenAPI 3.1; ``older`` says the same in 3.0, for gateways that read no other. 3.0 cannot say that a value is null or of
several types, other than by ``nullable`` and ``anyOf``, nor how text is encoded.
"""

from __future__ import annotations

from app.documents.openapi import GRAPHQL, JSON, Title, openapi
from app.documents.registry import Documents
from app.documents.schemas import REF, Json
from app.gateways.facing import Facing, Route
from app.gateways.made import hash_parameter
from app.project import Project

_REFUSED = ("400", "401", "403", "429", "503", "504", "default")
_SUMMARY = {
    "/graphql": "Ask in GraphQL.",
    "/sql": "Ask in SQL.",
    "/catalog": "The data dictionary, as far as the caller may know it.",
    "/schema.graphql": "The GraphQL schema, as the caller may know it.",
    "/openapi.json": "The registered documents that the caller may ask.",
    "/livez": "Whether the process runs.",
    "/readyz": "Whether requests can be answered.",
    "/q/{hash}": "Ask a registered document by its hash; each parameter is a variable.",
}
_TYPES = {"/schema.graphql": "text/plain", "/catalog": JSON, "/openapi.json": JSON}


def whole_openapi(project: Project, facing: Facing) -> Json:
    """The zone as its operator knows it: all documents, whoever may ask them."""
    seen = project.seen_in(facing.zone)
    documents = seen.documents.get(facing.zone, Documents()).by_name.values()
    url = (f"https://{facing.host}" if facing.host else "") + facing.prefix or "/"
    made = openapi(documents, project.view(facing.zone), Title(facing.title, url))
    responses = _object(_object(made["components"])["responses"])
    refused: Json = {status: _named(responses, status) for status in _REFUSED}
    paths = _object(made["paths"])
    for route in facing.routes:
        if not route.name:
            paths[route.path] = {method.lower(): _operation(route, method, refused) for method in route.methods}
    return made


def _named(responses: Json, status: str) -> Json:
    names = dict(zip(_REFUSED, responses, strict=True))
    return {"$ref": f"#/components/responses/{names[status]}"}


def _operation(route: Route, method: str, refused: Json) -> Json:
    word = route.path.strip("/").replace("{", "").replace("}", "").replace("/", "_").replace(".", "_")
    made: Json = {"operationId": f"{method.lower()}_{word}", "summary": _SUMMARY[route.path]}
    if not route.token:
        responses = {"200": {"description": "Yes."}, "503": {"description": "Not now."}}
        return {**made, "security": [], "responses": responses}
    parameters = _parameters(route, method)
    if parameters:
        made["parameters"] = parameters
    if method == "POST":
        named = {"graphql": "GraphQLRequest", "sql": "SqlRequest"}[route.of]
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": _BODIES[named]}}}
    made["responses"] = {"200": _answer(route), **refused}
    return made


def _parameters(route: Route, method: str) -> list[Json]:
    if "{hash}" in route.path:
        variables: Json = {
            "name": "variables",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": "The document's variables.",
            "schema": {"type": "object", "additionalProperties": True},
        }
        return [hash_parameter(), variables]
    if method != "GET" or route.of not in ("graphql", "sql"):
        return []
    text: Json = {"type": "string"}
    names = {
        "graphql": ("query", "documentId", "operationName", "variables", "extensions"),
        "sql": ("statement", "parameters", "dialect", "format"),
    }
    return [{"name": name, "in": "query", "required": False, "schema": text} for name in names[route.of]]


_BODIES: dict[str, Json] = {
    "GraphQLRequest": {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "documentId": {"type": "string"},
            "operationName": {"type": ["string", "null"]},
            "variables": {"type": ["object", "null"]},
            "extensions": {"type": ["object", "null"]},
        },
    },
    "SqlRequest": {
        "type": "object",
        "required": ["statement"],
        "properties": {
            "statement": {"type": "string"},
            "parameters": {"anyOf": [{"type": "array", "items": {}}, {"type": "object"}]},
            "dialect": {"type": "string"},
            "format": {"type": "string"},
        },
    },
}


def _answer(route: Route) -> Json:
    if route.of in ("graphql", "document"):
        answer: Json = {
            "type": "object",
            "properties": {
                "data": {"type": ["object", "null"]},
                "errors": {"$ref": f"{REF}Errors/properties/errors"},
            },
        }
        return {"description": "The answer.", "content": {GRAPHQL: {"schema": answer}, JSON: {"schema": answer}}}
    if route.of == "sql":
        return {"description": "Rows, in the form that Accept chooses.", "content": {"*/*": {"schema": {}}}}
    return {"description": "As far as the caller may know it.", "content": {_TYPES[route.path]: {"schema": {}}}}


def older(document: Json) -> Json:
    """The same in OpenAPI 3.0.3."""
    made = _object(_older(document))
    return {**made, "openapi": "3.0.3"}


def _older(value: object, named: bool = False) -> object:
    """``named`` are the members of an object whose keys are names of somebody's, such as properties."""
    if isinstance(value, list):
        return [_older(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _older(one, not named and key in _NAMED) for key, one in value.items()}
    return made if named else _schema(made)


_NAMED = frozenset(
    {"properties", "schemas", "responses", "headers", "paths", "parameters", "content", "securitySchemes"}
)


def _schema(schema: Json) -> Json:
    types = schema.get("type")
    schema.pop("contentEncoding", None)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if isinstance(types, list):
        left = [one for one in types if one != "null"]
        nullable = len(left) < len(types)
        schema.pop("type")
        if len(left) == 1:
            schema["type"] = left[0]
        else:
            schema["anyOf"] = [{"type": one} for one in left]
        if nullable:
            schema["nullable"] = True
    either = schema.get("anyOf")
    if isinstance(either, list) and {"type": "null"} in either:
        schema["anyOf"] = [one for one in either if one != {"type": "null"}]
        schema["nullable"] = True
    return schema


def _object(value: object) -> Json:
    assert isinstance(value, dict)
    return value
