"""OpenAPI: the registered documents of a zone as GET endpoints, in an OpenAPI 3.1 document.

    Registered + the caller's View  ->  GET /q/{name}: parameters with types and bounds, the answer's schema, refusals

Only documents that are valid for the caller are described, from the types that the caller knows. The same documents and
types give the same document, to the byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from graphql import GraphQLError, GraphQLInputType, GraphQLSchema, parse, parse_type, parse_value, type_from_ast
from graphql.utilities import value_from_ast_untyped

from app.documents.registry import Registered, Variable
from app.documents.schemas import REF, Inputs, Json, answer_of, bounded
from resolvers.frontends.graphql.reading import read_document
from schema.errors import Refusal, Refusals
from schema.graphql import View

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
_REFUSALS = {
    "400": ("Refused", "A parameter is missing, unknown or out of bounds, or the document is not registered any more."),
    "401": ("NoToken", "There is no token, or it is not valid here."),
    "403": ("NotAllowed", "The token is valid, and does not give the right to ask."),
    "429": ("UsedUp", "A quota is used up, or there are too many requests at once. Ask again after Retry-After."),
    "503": ("NotNow", "A source or the gateway cannot answer now. Ask again after Retry-After."),
    "504": ("TooSlow", "The answer took too long."),
    "default": ("Other", "Whatever else is refused."),
}
_ERRORS: Json = {
    "type": "object",
    "description": "Why there is no answer, or why parts of it are null.",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["message"],
                "properties": {
                    "message": {"type": "string"},
                    "path": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "locations": {"type": "array", "items": {"type": "object"}},
                    "extensions": {
                        "type": "object",
                        "required": ["code"],
                        "properties": {
                            "code": {"type": "string", "pattern": "^CH[0-9]{3}$"},
                            "hint": {"type": "string"},
                            "request_id": {"type": "string", "description": "What to name when asking for help."},
                        },
                    },
                },
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Title:
    """What the document says of itself. ``url`` is where the zone answers."""

    title: str
    url: str = "/"
    description: str = ""


def valid_for(documents: Iterable[Registered], view: View) -> tuple[Registered, ...]:
    """Those that name nothing which this caller may not know, by name."""
    return tuple(sorted((one for one in documents if _valid(one, view)), key=lambda one: one.name))


def _valid(document: Registered, view: View) -> bool:
    try:
        read_document(document.text, None, view, view.vocabulary.limits)
    except (Refusal, Refusals, GraphQLError):
        return False
    return True


def openapi(documents: Iterable[Registered], view: View, title: Title) -> Json:
    """The OpenAPI document of documents that are valid for the caller whose view it is (`valid_for`)."""
    inputs, schema = Inputs(), view.whole
    listed = sorted(documents, key=lambda one: one.name)
    paths: Json = {f"/q/{one.name}": {"get": _operation(one, schema, inputs)} for one in listed}
    components = _components(inputs, {f"{one.name}.answer": _answer(one, schema) for one in listed})
    version = hashlib.sha256(orjson.dumps([paths, components], option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    info: Json = {"title": title.title, "version": version}
    if title.description:
        info["description"] = title.description
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": title.url}],
        "security": [{"token": []}],
        "paths": paths,
        "components": components,
    }


def _operation(document: Registered, schema: GraphQLSchema, inputs: Inputs) -> Json:
    said: Json = {"operationId": document.name}
    if document.description:
        said["summary"] = document.description
    if document.variables:
        said["parameters"] = [_parameter(one, schema, inputs) for one in document.variables]
    said["responses"] = {
        "200": _answered(document),
        **{status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in _REFUSALS.items()},
    }
    said["x-document-sha256"] = document.hash
    return said


def _answer(document: Registered, schema: GraphQLSchema) -> Json:
    return {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": answer_of(parse(document.text, no_location=True), schema),
            "errors": {"$ref": f"{REF}Errors/properties/errors"},
        },
        "additionalProperties": False,
    }


def _answered(document: Registered) -> Json:
    answer: Json = {"$ref": f"{REF}{document.name}.answer"}
    either: Json = {"anyOf": [answer, {"$ref": f"{REF}Errors"}]}
    return {
        "description": f"The answer. Where {JSON} is asked for, so is a refusal of the document: errors and no data.",
        "headers": _headers("RateLimit", "RateLimit-Policy", "X-Request-Id"),
        "content": {GRAPHQL: {"schema": answer}, JSON: {"schema": either}},
    }


def _parameter(variable: Variable, schema: GraphQLSchema, inputs: Inputs) -> Json:
    said: Json = {"name": variable.name, "in": "query", "required": variable.required}
    told = [variable.description] if variable.description else []
    node = parse_type(variable.type)
    type_: GraphQLInputType | None = type_from_ast(schema, node)  # type: ignore[assignment]  # a variable's, and valid
    if type_ is None:
        raise ValueError(f"a document names the type {variable.type}, which its caller may not know")
    shape = bounded(inputs.of(type_), variable.bounds)
    least, most = variable.bounds.least, variable.bounds.most
    if variable.form == "text" and (least is not None or most is not None):
        told.append(f"From {'-' if least is None else f'{least:g}'} to {'-' if most is None else f'{most:g}'}.")
    if told:
        said["description"] = " ".join(told)
    if variable.default is not None:
        shape = {**shape, "default": value_from_ast_untyped(parse_value(variable.default))}
    if variable.form == "json":
        return {**said, "content": {JSON: {"schema": shape}}}
    if variable.many:
        said |= {"style": "form", "explode": True}
    return {**said, "schema": shape}


def _components(inputs: Inputs, answers: Json) -> Json:
    return {
        "schemas": {"Errors": _ERRORS, **dict(sorted(inputs.named.items())), **answers},
        "responses": {name: _refusal(status, sentence) for status, (name, sentence) in _REFUSALS.items()},
        "headers": {
            "RateLimit": _header("What is left of each quota, and in how many seconds it is whole again."),
            "RateLimit-Policy": _header("The quotas: q in w seconds; of requests, or of the unit that qu names."),
            "Retry-After": {"description": "Seconds until asking again is of use.", "schema": {"type": "integer"}},
            "WWW-Authenticate": _header("What kind of token is wanted, and what is wrong with the one that came."),
            "X-Request-Id": _header("What to name when asking for help."),
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }


def _refusal(status: str, sentence: str) -> Json:
    extra = {
        "401": ("WWW-Authenticate",),
        "429": ("RateLimit", "RateLimit-Policy", "Retry-After"),
        "503": ("Retry-After",),
    }
    errors: Json = {"schema": {"$ref": f"{REF}Errors"}}
    return {
        "description": sentence,
        "headers": _headers("X-Request-Id", *extra.get(status, ())),
        "content": {GRAPHQL: errors, JSON: errors},
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(sentence: str) -> Json:
    return {"description": sentence, "schema": {"type": "string"}}
