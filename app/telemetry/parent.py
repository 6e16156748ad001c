"""W3C Trace Context: the trace that a request belongs to, as its sender says and as we say it to others.

A ``traceparent`` that is not well formed counts as absent, as the recommendation wants; a ``tracestate`` that is not,
or that is longer than it has to be, is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[ -+\--<>-~]+=[ -+\--<>-~]+(?:[ \t]*,[ \t]*[ -+\--<>-~]+=[ -+\--<>-~]+)*")
_LONGEST_STATE = 512


class Parent(NamedTuple):
    """The sender's span. ``state`` is passed on unread, '' where there is none."""

    trace_id: str
    span_id: str
    sampled: bool
    state: str = ""


def parent_of(traceparent: str, tracestate: str) -> Parent | None:
    """The sender's span; None where it names none."""
    found = _PARENT.fullmatch(traceparent.strip(" \t"))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    state = tracestate.strip(" \t")
    kept = state if len(state) <= _LONGEST_STATE and _STATE.fullmatch(state) else ""
    return Parent(trace_id, span_id, bool(int(flags, 16) & 1), kept)


def headers_of(trace_id: str, span_id: str, sampled: bool, state: str) -> dict[str, str]:
    """What tells others that a call of ours belongs to this span."""
    said = {"traceparent": f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"}
    return said | {"tracestate": state} if state else said
