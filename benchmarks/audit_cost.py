"""What the audit trail costs one request: what the event loop does for it, and what the writer's thread does; and the
same of a request that is turned away, which is counted. CPU time, the best of seven rounds, since other work on the
machine can only add. Lines go to a sink that keeps none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from app.audit.chain import Chain
from app.audit.record import Recorder
from app.audit.tally import Tally
from app.audit.told import Counted, Exchanged, Versions
from app.http.exchange import Exchange
from app.http.trail import Trail
from policies.account import Account, AccountedColumn, AccountedProduct, AccountedRule
from schema.caller import Caller

_ROUNDS, _REQUESTS = 7, 20_000


class _Known(Account):
    """What was decided on two products of six columns each, as made before."""

    def __init__(self) -> None:
        columns = tuple(AccountedColumn(f"column_{at}", "clear", (), ()) for at in range(5))
        masked = AccountedColumn("email", "masked", ("pii.email",), ("email",))
        rules = (AccountedRule("grant", "own-region", "some"), AccountedRule("mask", "pii-email", "all"))
        self._made = tuple(AccountedProduct(f"sales.{name}", "some", (*columns, masked), rules) for name in "ab")


def main() -> None:
    told, recorder, chain = _exchanged(), Recorder("hash", "1.0"), Chain("benchmark")
    line = chain.line(recorder.record(told))
    print(f"A record of two products and {len(line)} bytes.\n\n| | us CPU |\n|---|--:|")
    print(f"| without a trail: one comparison | {_best(_nothing):.2f} |")
    print(f"| the event loop's part: what is told | {_best(_telling()):.2f} |")
    print(f"| the writer's part: record, line, hash | {_best(lambda: chain.line(recorder.record(told))):.2f} |")
    asyncio.run(_counted(recorder, chain))


async def _counted(recorder: Recorder, chain: Chain) -> None:
    """On a loop, where a tally has its timer."""
    tally = Tally("internal", lambda counted: None)
    second = Counted(time.time(), time.time(), "internal", "CH159", 503, {"/graphql": 9_000, "other": 1})
    print(f"| one too many: counting it | {_best(lambda: tally.add('CH159', 503, '/graphql')):.2f} |")
    print(f"| the writer's part of a second of them | {_best(lambda: chain.line(recorder.record(second))):.2f} |")


def _nothing() -> None:
    audit = None
    if audit is not None:
        raise RuntimeError


def _telling() -> Callable[[], object]:
    from app.audit.audit import Audit
    from app.http.audited import Audited

    class Taking:
        @staticmethod
        def put(told: object) -> None: ...

    audit = Audit(False, (Taking(),))  # type: ignore[arg-type]
    scope = {"method": "POST", "query_string": b"", "headers": [(b"host", b"x"), (b"authorization", b"y")]}
    exchange = Exchange(scope, None, None, 30.0)  # type: ignore[arg-type]
    exchange.status = 200
    trail = Trail()
    trail.caller, trail.account, trail.shown = _exchanged().caller, _Known(), 10

    def one() -> None:
        Audited(audit, exchange, trail, "/graphql", ("127.0.0.1", 1), False).over(200, 0.003)

    return one


def _exchanged() -> Exchanged:
    caller = Caller("ann", "https://issuer.example", "internal", {}, 2e9, digest="ab" * 32)
    versions = Versions("internal", "c" * 64, "p" * 64, bytes(32))
    return Exchanged(
        time.time(), 0.003, "/graphql", "POST", 200, 900, "0123456789abcdef", "", "127.0.0.1", versions, caller,
        "0123456789abcdef", None, (), _Known(), 10, {"a.b": 10}, "whole",
    )  # fmt: skip


def _best(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_REQUESTS):
            call()
        best = min(best, (time.process_time() - began) / _REQUESTS * 1e6)
    return best
