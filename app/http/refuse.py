"""Write a refusal: the GraphQL error body, or a problem document beside GraphQL, and the status and headers.

Nothing here depends on what exists: two refusals with the same code and message differ in the request id alone. In a
zone of partners (``restricted``) refusals of a kind also have the same members, whatever they refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from app.http.exchange import RawHeaders
from app.http.media import JSON, Media
from app.http.routes import IN_GRAPHQL
from app.settings import Profile
from schema.errors import Refusal, Refusals

PROBLEM = "application/problem+json"
_SYNTAX = "CH101"  # a document that cannot be parsed, as the GraphQL front end says it
_MALFORMED = frozenset({"CH145", "CH146", "CH147"})
_QUOTA = "https://iana.org/assignments/http-problem-types#quota-exceeded"
_ALLOW = {"CH140": b"GET, POST", "CH149": b"POST", "CH178": b"GET"}


def errors_of(refused: Refusal | Refusals) -> Sequence[Refusal]:
    return refused.errors if isinstance(refused, Refusals) else (refused,)


def graphql_errors(refused: Refusal | Refusals, request_id: str, restricted: bool = False) -> bytes:
    """The body of a GraphQL answer without data. ``restricted``: the first error alone, without place or hint."""
    if restricted:
        first = errors_of(refused)[0]
        said = {"message": first.message, "extensions": {"code": first.code, "request_id": request_id}}
        return orjson.dumps({"errors": [said]})
    return orjson.dumps({"errors": [_graphql_error(error, request_id) for error in errors_of(refused)]})


def _graphql_error(error: Refusal, request_id: str) -> dict[str, object]:
    said: dict[str, object] = {"message": error.message}
    if error.locations:
        said["locations"] = [{"line": line, "column": column} for line, column in error.locations]
    if error.path:
        said["path"] = list(error.path)
    extensions: dict[str, object] = {"code": error.code}
    if error.hint is not None:
        extensions["hint"] = error.hint
    return {**said, "extensions": {**extensions, "request_id": request_id}}


def problem(error: Refusal, request_id: str, restricted: bool = False, **more: object) -> bytes:
    """An RFC 9457 problem document; ``more`` are further members of it. ``restricted``: with neither these nor a
    hint."""
    said: dict[str, object] = {
        "type": "about:blank" if error.retry_after is None else _QUOTA,
        "title": error.message,
        "status": error.status,
    }
    if restricted:
        return orjson.dumps({**said, "code": error.code, "request_id": request_id})
    if error.hint is not None:
        said["detail"] = error.hint
    return orjson.dumps({**said, "code": error.code, **more, "request_id": request_id})


def shaped(why: Refusal, route: str, request_id: str, restricted: bool) -> tuple[str, bytes]:
    """Type and body of a refusal at a route, where nobody has asked yet which form the client accepts."""
    if route in IN_GRAPHQL:
        return f"{JSON}; charset=utf-8", graphql_errors(why, request_id, restricted)
    return PROBLEM, problem(why, request_id, restricted)


def protocol_status(error: Refusal, profile: Profile) -> int:
    """The status of a request that is wrong before its document is looked at."""
    return 422 if profile == "draft" and error.code in _MALFORMED else error.status


def request_status(refused: Refusal | Refusals, media: Media, profile: Profile) -> int:
    """The status of a document that is refused: by the audit's rules, or the current draft's.

    The audit wants 400, and 200 under `application/json`; the draft wants 422, and 400 where the document cannot be
    parsed. A refusal for another reason (403, 503 ..) keeps its status under both.
    """
    first = errors_of(refused)[0]
    if first.status != 400:
        return first.status
    if profile == "draft":
        return 400 if first.code == _SYNTAX else 422
    return 200 if media == JSON else 400


def answer_status(status: int, media: Media, profile: Profile) -> int:
    """The status of an answer with data: 294 tells of partial success, which only the draft has."""
    return status if status != 294 or (profile == "draft" and media != JSON) else 200


def refusal_headers(error: Refusal) -> RawHeaders:
    """What a status asks for beside the body: RFC 6750 section 3, Allow, Retry-After."""
    if error.status == 401:
        return [(b"www-authenticate", b"Bearer" if error.code == "CH301" else b'Bearer error="invalid_token"')]
    if error.code == "CH310":
        return [(b"www-authenticate", b'Bearer error="insufficient_scope"')]
    if error.code in _ALLOW:
        return [(b"allow", _ALLOW[error.code])]
    if error.retry_after is not None:
        return [(b"retry-after", b"%d" % error.retry_after)]
    if error.status == 503:
        return [(b"retry-after", b"5")]
    return []
