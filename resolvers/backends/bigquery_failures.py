"""BigQuery: what the client raises as a refusal. Its sentences may hold a cell, so only their kind is logged."""

from __future__ import annotations

from concurrent.futures import CancelledError

from resolvers.backends.backend import Deadline
from resolvers.backends.bigquery_jobs import passing, reason
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.threads import Stopped
from schema.errors import Refusal

_STOPPED = frozenset({"stopped", "timeout", "jobTimeout"})
_AWAY = frozenset({"quotaExceeded"})


class Told(Exception):
    """What may be logged of an error: its class, and the service's words for what it is."""


def refusal(source: str, error: Exception, deadline: Deadline, checking: bool) -> Refusal:
    """CH503 at the deadline, CH501 for what does not answer, CH502 for what it answers. ``checking``: whatever it is,
    the source is of no use."""
    from google.auth.exceptions import GoogleAuthError

    if isinstance(error, TimeoutError | Stopped | CancelledError):
        return down(source) if checking else timed_out(source)
    word = reason(error)
    told = Told(f"{type(error).__name__} {word}".strip())
    if deadline.left() == 0 and (passing(error) or word in _STOPPED):
        return timed_out(source, told)
    if checking or passing(error) or word in _AWAY or isinstance(error, GoogleAuthError) or _unknown(error):
        return down(source, told)
    return failed(source, told)


def _unknown(error: Exception) -> bool:
    """Whether the service does not know who asks."""
    return getattr(error, "code", None) == 401
