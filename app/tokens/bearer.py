"""The one token in an Authorization header (RFC 6750 section 2.1)."""

from __future__ import annotations

import re

from app.tokens.compact import malformed
from schema.errors import Refusal

_BEARER = re.compile(rb"bearer +([!-~]+)", re.IGNORECASE)


def token_in(written: bytes) -> str:
    """Raises Refusal CH302."""
    match = _BEARER.fullmatch(written.strip())
    if match is None:
        raise not_one_token()
    return match[1].decode("ascii")


def not_one_token() -> Refusal:
    return malformed("The Authorization header is not one bearer token.")
