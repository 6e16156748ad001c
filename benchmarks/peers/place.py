"""What the Python peers share: where the database is, and whose tokens they take.

Their tokens are signed with HS256, the cheapest to verify. A verified token is trusted until it expires, so
verification is not what the comparison measures.
"""

from __future__ import annotations

import os
import time
from typing import Any

import jwt

DSN = os.environ.get("BENCH_DSN", "postgresql://postgres@127.0.0.1:55432/bench")
POOL = int(os.environ.get("BENCH_POOL", "10"))
# Not a secret: it guards made-up data on loopback, and all servers of a comparison must know it.
SECRET = os.environ.get("BENCH_JWT_SECRET", "bench-secret-bench-secret-bench-secret!")
_MOST_TOKENS = 20_000

_verified: dict[str, dict[str, Any]] = {}


def claims_of(header: str | None) -> dict[str, Any] | None:
    """The claims of ``Bearer <token>``; None without one. Raises PyJWTError for a token that is not good."""
    if not header or not header.startswith("Bearer "):
        return None
    token = header[7:]
    if (known := _verified.get(token)) and known["exp"] > time.time():
        return known
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    if len(_verified) > _MOST_TOKENS:
        _verified.clear()
    _verified[token] = claims
    return claims


def sign(subject: str, claims: dict[str, object], lifetime: int = 86_400) -> str:
    return jwt.encode({"sub": subject, **claims, "exp": int(time.time()) + lifetime}, SECRET, algorithm="HS256")
