"""Read: from a request's body or query string to an `Operation`, or to what names a document (`Named`).

Follows GraphQL over HTTP with its appendix on persisted documents, and Apollo's extension. Does not look into the
document, except to see whether a GET asks for a mutation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

from app.documents.named import Named
from resolvers.operation import Operation
from schema.errors import Refusal

MOST_QUERY_STRING = 32 * 1024
DEEPEST = 64
_PARAMETERS = ("query", "documentId", "operationName", "variables", "extensions")
_SHAPE_HINT = 'Send {"query": string, "variables"?: object, "operationName"?: string, "extensions"?: object}.'
_ESCAPES = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_post(body: bytes, request_id: str = "") -> Operation | Named:
    """The operation in a JSON body, or what names it. Raises Refusal CH144 to CH147."""
    request = parse_json(body, "The request body")
    if isinstance(request, list):
        raise Refusal("CH146", "Several operations in one request are not accepted.", "Send one request for each.")
    if not isinstance(request, dict):
        raise _shape("The request body is not a JSON object.")
    return _operation(request, request_id)


def read_get(query_string: bytes, request_id: str = "", trusted: bool = False) -> Operation | Named:
    """The operation in a query string, or what names it. Raises Refusal CH144, CH145, CH147, CH148 or CH149.
    ``trusted``: only documents that are known will be answered, and they are queries; no text is looked into."""
    fields = form(query_string)
    texts = ("query", "documentId", "operationName")
    request: dict[str, object] = {name: fields[name] for name in texts if fields.get(name)}
    for name in ("variables", "extensions"):
        if fields.get(name):
            request[name] = parse_json(fields[name].encode(), f"The parameter '{name}'")
    operation = _operation(request, request_id)
    if not trusted and operation.text is not None:
        _no_mutation(operation.text, operation.name)
    return operation


def read_path(reference: str, query_string: bytes, request_id: str = "") -> Named:
    """The document that an address names, with its variables as they stand. Raises Refusal CH145 or CH148."""
    return Named(reference, request_id=request_id, parameters=tuple(pairs(query_string)))


def has_query(query_string: bytes) -> bool:
    """Whether a query string holds a GraphQL document, or names one."""
    found = form(query_string)
    return any(found.get(name) for name in ("query", "documentId", "extensions"))


def parse_json(text: bytes, what: str) -> object:
    """Strict JSON in UTF-8, nested no deeper than `DEEPEST`. Raises Refusal CH144."""
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_json(f"{what} is not valid JSON in UTF-8.") from error
    if text.count(b"{") + text.count(b"[") > DEEPEST and _deeper(value):
        raise _not_json(f"{what} is nested deeper than {DEEPEST} levels.")
    return value


def _deeper(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [item for holder in level for item in _items(holder)]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _items(value: object) -> list[object]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


def form(query_string: bytes) -> Mapping[str, str]:
    """The parameters GraphQL knows, percent-decoded. Raises Refusal CH145 (twice, not UTF-8) or CH148 (too long)."""
    found: dict[str, str] = {}
    for name, value in _parts(query_string):
        key = _decode(name)
        if key in _PARAMETERS:
            if key in found:
                raise _shape(f"The parameter '{key}' stands twice.")
            found[key] = _decode(value)
    return found


def pairs(query_string: bytes) -> Iterator[tuple[str, str]]:
    """All parameters, percent-decoded, in their order. Raises Refusal CH145 (not UTF-8) or CH148 (too long)."""
    for name, value in _parts(query_string):
        if name or value:
            yield _decode(name), _decode(value)


def _parts(query_string: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(query_string) > MOST_QUERY_STRING:
        raise Refusal("CH148", f"The query string is longer than {MOST_QUERY_STRING} bytes.", "Use POST.", status=414)
    for part in query_string.split(b"&"):
        name, _, value = part.partition(b"=")
        yield name, value


def _decode(text: bytes) -> str:
    if _ESCAPES.search(text):
        raise _shape("The query string holds a broken percent escape.")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _shape("The query string is not UTF-8.") from error


def _operation(request: Mapping[str, object], request_id: str) -> Operation | Named:
    text, reference = request.get("query"), request.get("documentId")
    if text is not None and not isinstance(text, str):
        raise _shape("'query' is not a string.")
    name, variables = request.get("operationName"), request.get("variables")
    if name is not None and not isinstance(name, str):
        raise _shape("'operationName' is not a string.")
    if variables is not None and not isinstance(variables, dict):
        raise _shape("'variables' is not an object.")
    extensions = request.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise _shape("'extensions' is not an object.")
    apollo = extensions.get("persistedQuery") if extensions else None
    if reference is None and apollo is None:
        if text is None:
            raise Refusal("CH147", "The request holds no 'query'.", _SHAPE_HINT)
        costs = extensions is not None and extensions.get("cost") is True
        return Operation("graphql", text, variables or {}, name or None, request_id, costs=costs)
    if reference is not None and not isinstance(reference, str):
        raise _shape("'documentId' is not a string.")
    hash_, version = (None, 1) if apollo is None else _apollo(apollo)
    return Named(reference, hash_, version, text, variables or {}, name or None, request_id)


def _apollo(said: object) -> tuple[str, object]:
    """How Apollo's clients name a document: its hash, and the version of their protocol."""
    if isinstance(said, dict) and isinstance(said.get("sha256Hash"), str):
        return said["sha256Hash"], said.get("version")
    raise _shape("'persistedQuery' does not hold a 'sha256Hash'.")


def _no_mutation(text: str, name: str | None) -> None:
    """Refuse a mutation by GET (CH149). A document that cannot be read is left to the front end to refuse."""
    if "mutation" not in text:
        return
    try:
        document = parse(text, no_location=True, max_tokens=4000)
    except (GraphQLError, RecursionError):
        return
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    named = [node for node in operations if name is None or (node.name and node.name.value == name)]
    if len(named) == 1 and named[0].operation is OperationType.MUTATION:
        raise Refusal("CH149", "A mutation cannot be asked by GET.", "Use POST.", status=405)


def _shape(sentence: str) -> Refusal:
    return Refusal("CH145", sentence, _SHAPE_HINT)


def _not_json(sentence: str) -> Refusal:
    return Refusal("CH144", sentence, "Numbers are finite, text is UTF-8 without a byte order mark.")
