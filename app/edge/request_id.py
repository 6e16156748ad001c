"""Request ids of gateways: taken over under our own name, so that one id finds a request in both logs."""

from __future__ import annotations

import re

from app.http.exchange import REQUEST_ID

_AMAZON = re.compile(rb"(?:^|;)\s*(?:Root|Self)=([A-Za-z0-9._-]{1,128})")
AMAZON = b"x-amzn-trace-id"


def gateway_id(headers: list[tuple[bytes, bytes]], names: tuple[bytes, ...]) -> str | None:
    """The id that a trusted gateway gave a request, by the first of ``names`` that stands once and is well formed:
    the root of Amazon's traces, and API Gateway's ids without the '=' that fills them up."""
    for name in names:
        given = [value for key, value in headers if key == name]
        if len(given) != 1:
            continue
        value = given[0].strip()
        if name == AMAZON:
            root = _AMAZON.search(value)
            value = b"" if root is None else root[1]
        value = value.rstrip(b"=")
        if REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return None
