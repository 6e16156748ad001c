"""What is learnt of an exchange on its way, for the log, the metrics and the audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.http.exchange import RawHeaders
from app.partners.door import Visit
from app.serving import Serving
from policies.account import Account
from resolvers.operation import NO_ROWS, Before, Measure, Operation
from schema.caller import Caller

if TYPE_CHECKING:
    from app.telemetry.trace import Trace


class Trail:
    """``codes`` are those of a refusal, ``beside`` those of errors beside data. ``rows`` are those that statements
    gave, ``shown`` those of the answer (None: not known, or none were asked for), ``by_product`` where that is
    known. ``audited``: somebody wants to know what was decided (``account``). ``registered``: name and hash of a
    registered document. ``cost``: what the answer was estimated to cost (None: there is none, or no estimate);
    ``measure`` counts what it did cost, once it has been sent, where it is one of the sample."""

    __slots__ = (
        "account", "audited", "beside", "by_product", "caller", "codes", "cost", "document", "measure", "registered",
        "rows", "rules", "serving", "shown", "timings", "trace", "visit",
    )  # fmt: skip

    def __init__(self) -> None:
        self.serving: Serving | None = None
        self.caller: Caller | None = None
        self.document: str | None = None
        self.codes: Sequence[str] = ()
        self.timings: dict[str, float] = {}
        self.rules: Sequence[str] = ()
        self.rows = 0
        self.trace: Trace | None = None
        self.visit: Visit | None = None
        self.audited = False
        self.account: Account | None = None
        self.registered: tuple[str, str] | None = None
        self.beside: Sequence[str] = ()
        self.shown: int | None = None
        self.by_product: Mapping[str, int] = NO_ROWS
        self.cost: int | None = None
        self.measure: Measure | None = None

    def fields(self) -> RawHeaders:
        """What an answer says of its partner's quotas."""
        return [] if self.visit is None else self.visit.fields()

    @property
    def before(self) -> Before | None:
        """What has to be asked before any source is; None: nothing."""
        charged = None if self.visit is None else self.visit.before
        if not self.audited or charged is None:
            return self.decided if self.audited else charged

        async def both(account: Account, cost: int) -> None:
            self.account = account
            await charged(account, cost)

        return both

    async def decided(self, account: Account, cost: int) -> None:
        """Keep what was decided on the data that is asked for."""
        self.account = account

    def asks(self, operation: Operation) -> None:
        """Keep what stands for a text that has been read and not answered."""
        self.document, self.registered = mark_of(operation.text), operation.registered

    def gave(self, rows: Mapping[str, int]) -> None:
        """Keep how many rows are given, by product."""
        self.shown, self.by_product = sum(rows.values()), rows

    def withheld(self, codes: Sequence[str]) -> None:
        """Nothing is given, for these reasons."""
        self.codes, self.shown, self.by_product = codes, None, NO_ROWS
        self.cost = self.measure = None


def mark_of(text: str) -> str:
    """What stands for a text where it must not be shown."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
