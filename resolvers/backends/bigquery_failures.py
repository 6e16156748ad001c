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
_COSTLY = "bytesBilledLimitExceeded"


class Told(Exception):
    """What may be logged of an error: its class, and the service's words for what it is."""


def refusal(source: str, error: Exception, deadline: Deadline, checking: bool) -> Refusal:
    """CH503 at the deadline, CH501 for what does not answer, CH610 for a statement that may not be billed, CH502 for
    whatever else it answers. ``checking``: whatever it is, the source is of no use."""
    from google.auth.exceptions import GoogleAuthError

    if isinstance(error, TimeoutError | Stopped | CancelledError):
        return down(source) if checking else timed_out(source)
    word = reason(error)
    told = Told(f"{type(error).__name__} {word}".strip())
    if deadline.left() == 0 and (passing(error) or word in _STOPPED):
        return timed_out(source, told)
    if checking or passing(error) or word in _AWAY or isinstance(error, GoogleAuthError) or _unknown(error):
        return down(source, told)
    return _too_costly(source, told) if word == _COSTLY else failed(source, told)


def _too_costly(source: str, told: Told) -> Refusal:
    failed(source, told)  # for the log: that it happens is of interest to the operators, too
    return Refusal(
        "CH610",
        "The question would read more than its source allows for one statement.",
        "Narrow the filter, by the column that the source is partitioned by where it is, or ask for fewer fields.",
        status=422,
    )


def _unknown(error: Exception) -> bool:
    """Whether the service does not know who asks."""
    return getattr(error, "code", None) == 401
