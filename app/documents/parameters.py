"""Parameters: a document's variables as parameters of a query string, each read by its declared type.

    GET /q/FlightsOfDay?day=2013-01-31&carriers=UA&carriers=DL&where={"delay":{"gt":10}}

Texts stand as they are, numbers as JSON has them, true or false, input objects as JSON. A list is a parameter for each
item, or one JSON list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.documents.registry import Variable
from app.http.read import parse_json
from schema.errors import Refusal

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,255})(\.\d{1,255})?([eE][-+]?\d{1,3})?", re.ASCII)
_SHOWN = 80


def read_parameters(variables: Sequence[Variable], parameters: Sequence[tuple[str, str]]) -> dict[str, object]:
    """The values of the variables; absent ones are left out. Raises Refusal CH176."""
    known = {variable.name: variable for variable in variables}
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if name not in known:
            raise _refuse(name, "is no variable of this document")
        given.setdefault(name, []).append(value)
    return {name: _value(known[name], values) for name, values in given.items()}


def _value(variable: Variable, values: list[str]) -> object:
    if variable.many:
        if len(values) == 1 and values[0].startswith("["):
            return _json(variable, values[0])
        return [_one(variable, value) for value in values]
    if len(values) > 1:
        raise _refuse(variable.name, "stands more than once")
    return _one(variable, values[0])


def _one(variable: Variable, value: str) -> object:
    if variable.form == "text":
        return value
    if variable.form == "flag":
        if value not in ("true", "false"):
            raise _refuse(variable.name, "is neither true nor false")
        return value == "true"
    if variable.form == "number" and not _NUMBER.fullmatch(value):
        raise _refuse(variable.name, "is no number")
    return _json(variable, value)


def _json(variable: Variable, value: str) -> object:
    try:
        return parse_json(value.encode(), "The parameter")
    except Refusal:
        raise _refuse(variable.name, "is not valid JSON") from None


def _refuse(name: str, what: str) -> Refusal:
    return Refusal("CH176", f"The parameter '{name[:_SHOWN]}' {what}.", "Each parameter is a variable of the document.")
