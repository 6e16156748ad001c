"""What a source's failure becomes: a refusal without a word of the engine, and a log line without a value.

The engine's own text goes to the log ``customhouse.source`` only, cut to its first line and without anything that may
be the cell that it tripped over: what stands between the first and the last quote (a cell may hold quotes and line
breaks itself), and numbers. Refusals are raised ``from None`` for the same reason:
a traceback would print what the driver said.
"""

from __future__ import annotations

import logging
import re

from schema.errors import Refusal

log = logging.getLogger("customhouse.source")
_QUOTED = re.compile(r"[\"'`].*[\"'`]|[\"'`].*|\(.*\)=\(.*\)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])(?<!Errno )[-+]?\d[\w.:+-]*")


def down(source: str, error: BaseException | None = None) -> Refusal:
    """CH501: nothing answers there, or it is not ready yet."""
    _say(source, "is down", error)
    return unavailable()


def unavailable() -> Refusal:
    """CH501 of which the log has heard already: said by whoever turns callers away from a source that is down."""
    return Refusal(
        "CH501",
        "A source of this answer is not available.",
        "Try again shortly. The operators find the cause in the log under the request id.",
        status=503,
    )


def failed(source: str, error: BaseException) -> Refusal:
    """CH502: the engine refused or broke off the statement."""
    _say(source, "failed a statement", error)
    return Refusal(
        "CH502",
        "A source of this answer failed.",
        "The operators find the cause in the log under the request id.",
        status=500,
    )


def unfit(source: str, error: BaseException, why: str) -> Refusal:
    """CH168: the engine cannot run a statement as it is written, whatever the tables hold. ``why`` is in our words."""
    _say(source, "cannot run a statement", error)
    return Refusal(
        "CH168",
        f"The source of these tables cannot run the statement: {why}.",
        "Compare, group and call functions with values of the types that information_schema.columns tells.",
    )


def timed_out(source: str, error: BaseException | None = None) -> Refusal:
    """CH503: the deadline came first; the statement has been cancelled at the engine."""
    _say(source, "was too slow for the deadline", error)
    return Refusal(
        "CH503",
        "A source did not answer in time.",
        "Ask for less: a narrower filter, fewer rows, fewer levels.",
        status=504,
    )


def too_many_rows(
    most: int, hint: str = "Ask for fewer rows: a filter, a smaller 'first', or fewer levels."
) -> Refusal:
    """CH601. The hint is in the words of the language that was asked in."""
    return Refusal("CH601", f"The answer would hold more than {most} rows.", hint, status=422)


def too_many_candidates(most: int) -> Refusal:
    return Refusal(
        "CH604",
        f"To filter or order by what another source knows, more than {most} rows would have to be looked at.",
        "Narrow the filter by the product's own columns first.",
        status=422,
    )


def too_many_bytes(most: int, hint: str = "Ask for fewer rows or fewer fields.") -> Refusal:
    """CH602, likewise."""
    return Refusal("CH602", f"The answer would hold more than {most} bytes.", hint, status=422)


def scrubbed(text: str) -> str:
    """The first line of an engine's message without anything it quotes, and without numbers."""
    lines = _QUOTED.sub("'..'", text.strip()).splitlines()
    return _NUMBER.sub("..", lines[0])[:300] if lines else ""


def _say(source: str, what: str, error: BaseException | None) -> None:
    if error is None:
        log.warning("source %s %s", source, what)
        return
    state = getattr(error, "sqlstate", None)
    kind = type(error).__name__ if state is None else f"{type(error).__name__} {state}"
    log.warning("source %s %s: %s: %s", source, what, kind, scrubbed(str(error)))
