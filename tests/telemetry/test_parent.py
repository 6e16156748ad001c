"""W3C Trace Context: which headers name a parent."""

from __future__ import annotations

from contextvars import copy_context
from pathlib import Path

import pytest

from app.edge.peers import Peers
from app.edge.via import Via
from app.http.exchange import Exchange, Message
from app.settings import Parents, Settings
from app.telemetry.parent import headers_of, parent_of
from app.telemetry.telemetry import Telemetry

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = [
    (f"00-{TRACE}-{SPAN}-01", True), (f"00-{TRACE}-{SPAN}-00", False), (f" 00-{TRACE}-{SPAN}-03 ", True),
    (f"01-{TRACE}-{SPAN}-01-more", True), (f"00-{TRACE}-{SPAN}-fe", False),
]  # fmt: skip
BAD = [
    "", "00", f"00-{TRACE}-{SPAN}", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-0",
    f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-01,00-x",
]  # fmt: skip
STATES = [
    ("vendor=abc, other=1", "vendor=abc, other=1"), ("", ""), ("novalue", ""), ("a=b\r\nX-Evil: 1", ""),
    ("a=" + "b" * 600, ""), ("a=ü", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sampled"), GOOD)
def test_a_parent(text: str, sampled: bool) -> None:
    found = parent_of(text, "")
    assert found is not None and found == (TRACE, SPAN, sampled, "")
    assert headers_of(TRACE, SPAN, sampled, "")["traceparent"][:-2] == f"00-{TRACE}-{SPAN}-"


@pytest.mark.parametrize("text", BAD)
def test_no_parent(text: str) -> None:
    assert parent_of(text, "") is None


@pytest.mark.parametrize(("text", "kept"), STATES)
def test_state(text: str, kept: str) -> None:
    found = parent_of(f"00-{TRACE}-{SPAN}-01", text)
    assert found is not None and found.state == kept
    assert headers_of(TRACE, SPAN, True, kept).get("tracestate", "") == kept


@pytest.mark.parametrize(
    ("said", "restricted", "trusted", "believed"),
    [
        ("auto", False, False, True), ("auto", True, False, False), ("auto", True, True, True),
        ("follow", True, False, True), ("restart", False, False, False), ("restart", True, True, False),
    ],
)  # fmt: skip
def test_who_is_believed(said: Parents, restricted: bool, trusted: bool, believed: bool) -> None:
    telemetry = Telemetry(Settings(Path(), trace_parent=said), "zone", restricted)
    headers = [(b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())]
    exchange = Exchange({"method": "GET", "query_string": b"", "headers": headers}, never, never, 1.0)
    exchange.via = Via(headers, "127.0.0.1", Peers(()), "x-forwarded") if trusted else None
    trace = copy_context().run(telemetry.begin, exchange, "/graphql")
    assert (trace is not None and trace.ids is not None and trace.ids.trace_id == TRACE) == believed


async def never(*_: object) -> Message:
    raise AssertionError("nobody reads or writes")
