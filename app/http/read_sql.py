"""Read: from a request's body or query string to a statement that is asked, and the form its answer is wanted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl

from app.http.read import MOST_QUERY_STRING, parse_json
from resolvers.formats.choose import MEDIA, Format, Layout
from resolvers.frontends.sql.parameters import read_parameters
from resolvers.statements.engine import Asked
from schema.errors import Refusal
from schema.names import did_you_mean
from schema.statement import DIALECTS, Dialect

_FIELDS = ("statement", "parameters", "dialect", "format", "layout")
_SHAPE = 'Send {"statement": string, "parameters"?: list or object, "dialect"?: string, "format"?: string}.'


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked, and how it is to be written: ``format`` None leaves it to ``Accept``."""

    asked: Asked
    format: Format | None
    layout: Layout


def read_sql_body(body: bytes, request_id: str) -> Wanted:
    """The statement in a JSON body. Raises `Refusal` CH144, CH145, CH162."""
    request = parse_json(body, "The request body")
    if not isinstance(request, dict):
        raise _wrong("The request body is not a JSON object.")
    return _wanted(request, request_id)


def read_sql_query(query_string: bytes, request_id: str) -> Wanted:
    """The statement in a query string, its parameters as JSON. Raises `Refusal` CH144, CH145, CH148, CH162."""
    if len(query_string) > MOST_QUERY_STRING:
        raise Refusal("CH148", f"The query string is longer than {MOST_QUERY_STRING} bytes.", "Use POST.", status=414)
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise _wrong("The query string cannot be read.") from None
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise _wrong("A parameter of the query string stands twice.")
        fields[name] = parse_json(value.encode(), "'parameters'") if name == "parameters" else value
    return _wanted(fields, request_id)


def _wanted(request: Mapping[str, object], request_id: str) -> Wanted:
    unknown = next((name for name in request if name not in _FIELDS), None)
    if unknown is not None:
        raise Refusal(
            "CH145", f"There is no field '{str(unknown)[:60]}'.", did_you_mean(str(unknown), _FIELDS) or _SHAPE
        )
    text = request.get("statement")
    if not isinstance(text, str) or not text.strip():
        raise _wrong("'statement' is no text.")
    dialect = _one_of("dialect", request.get("dialect"), DIALECTS) or "postgres"
    format_ = _one_of("format", request.get("format"), tuple(MEDIA))
    layout = _one_of("layout", request.get("layout"), ("rows", "columns")) or "rows"
    asked = Asked(text, cast(Dialect, dialect), read_parameters(request.get("parameters")), request_id)
    return Wanted(asked, cast("Format | None", format_), cast(Layout, layout))


def _one_of(field: str, value: object, words: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in words:
        raise Refusal("CH145", f"'{field}' is none of {', '.join(words)}.", _SHAPE)
    return value


def _wrong(sentence: str) -> Refusal:
    return Refusal("CH145", sentence, _SHAPE)
