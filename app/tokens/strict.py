"""Strict JSON objects: one text, one meaning.

JSON readers disagree about byte order marks, other encodings, repeated keys, NaN and lone surrogates, and a token that
two readers understand differently is an attack. All of these are refused here.
"""

from __future__ import annotations

import json

import orjson


def json_object(data: bytes) -> dict[str, object]:
    """Read a JSON object. Raises ValueError for anything that is not exactly one, in strict UTF-8 JSON."""
    orjson.loads(data)  # refuses a byte order mark, bad UTF-8, lone surrogates, NaN and depth
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if isinstance(value, dict):
        return value
    raise ValueError("not an object")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")
