"""Asked: for whom a statement runs, for the source's own log. Never part of an answer, of a key or of a decision.

It is told beside the statement and not with it: whoever shares a result with others asked under the first one's name.
"""

from __future__ import annotations

import hmac
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """``subject`` is `hidden`: the same for the same caller of a zone, and nothing that tells who it is."""

    request_id: str = ""
    subject: str = ""


ASKED: ContextVar[Asked] = ContextVar("asked", default=Asked())  # noqa: B039 - frozen


def asking(request_id: str, subject: str, key: bytes) -> None:
    """Tell the statements that this task runs from now on for whom they are."""
    ASKED.set(Asked(request_id, hidden(subject, key)))


def hidden(subject: str, key: bytes) -> str:
    """32 hexadecimal digits that stand for a subject."""
    return hmac.digest(key, b"subject of a request\x00" + subject.encode(), "sha256").hex()[:32]
