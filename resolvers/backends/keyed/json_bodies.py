"""JSON that is sent to sources and read from them. What neither can hold is `Unread`."""

from __future__ import annotations

import json

import orjson

_NOT_JSON = (b"NaN", b"Infinity")


class Unread(ValueError):
    """What cannot be read or written. The sentence holds nothing of an answer, a row or a key: the log may have it."""


def loaded(answer: bytes | bytearray) -> object:
    """Strict JSON; NaN and Infinity are taken too, since Python's servers write them. Raises Unread."""
    try:
        return orjson.loads(answer)
    except ValueError:
        pass
    if any(word in answer for word in _NOT_JSON):
        try:
            found: object = json.loads(answer)
            return found
        except (ValueError, RecursionError):
            pass
    raise Unread("its answer is no JSON")


def written(body: object, nan: bool = False) -> bytes:
    """The body of a request; with ``nan`` NaN is written as such, which is no strict JSON. Raises Unread for what JSON
    cannot hold."""
    try:
        return json.dumps(body).encode() if nan else orjson.dumps(body)
    except (TypeError, ValueError):
        raise Unread("an input cannot be written as JSON") from None
