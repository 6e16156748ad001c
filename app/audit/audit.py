"""Audit: what the rest of the gateway sees of the trail. One for a process, made on its event loop; zones share it.

    audit.tell(told)            a record, to be written soon
    await audit.accepted(told)  whether every sink has accepted it
    audit.tally(zone).add(..)   a refusal that is counted, and told with others of its second
    audit.act("reload", ..)     an act of an operator
    await audit.close()         write what is left

A failing sink is logged when it begins to fail and when it has recovered.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from app import log
from app.audit.chain import Chain, chain_id
from app.audit.file import File, worker_path
from app.audit.otlp import Otlp
from app.audit.record import Recorder
from app.audit.settings import AuditSettings, SinkSettings
from app.audit.sink import Head, Sink, Stdout
from app.audit.tally import Tally
from app.audit.told import Act, Exchanged, Told
from app.audit.writer import Writer
from app.settings import StartError
from app.version import version

PATIENCE = 3.0
"""Seconds that an answer waits for its record to be accepted."""
_CLOSING = 10.0

Count = Callable[[str, str, int], None]


@dataclass(frozen=True, slots=True)
class Audit:
    """``required``: an answer is not sent unless its record has been accepted."""

    required: bool
    writers: tuple[Writer, ...]
    _tallies: list[Tally] = field(default_factory=list)

    def tell(self, told: Told) -> None:
        """Have something written. What a sink's queue has no place for is counted, and said later."""
        for writer in self.writers:
            writer.put(told)

    async def accepted(self, told: Exchanged) -> bool:
        """Have something written, and wait until every sink has accepted it, or until that has taken too long."""
        loop = asyncio.get_running_loop()
        waiters: list[asyncio.Future[bool]] = []
        taken = True
        for writer in self.writers:
            waiter: asyncio.Future[bool] = loop.create_future()
            taken = writer.put(told, waiter) and taken
            waiters.append(waiter)
        if not taken:
            return False
        done, late = await asyncio.wait(waiters, timeout=PATIENCE)
        return not late and all(waiter.result() for waiter in done)

    def tally(self, zone: str) -> Tally:
        """What counts refusals of a zone."""
        made = Tally(zone, self.tell)
        self._tallies.append(made)
        return made

    def act(self, name: str, done: bool = True, **about: object) -> None:
        """Have an act of an operator written."""
        self.tell(Act(time.time(), name, done, about))

    async def close(self) -> None:
        """End every chain, and wait until all is written, within bounds."""
        for tally in self._tallies:
            tally.tell()
        self.act("audit.stop")
        left = sum(await asyncio.gather(*(writer.close(_CLOSING) for writer in self.writers)))
        if left:
            log.event("audit_unwritten", "error", records=left)


def open_audit(settings: AuditSettings, worker: int | None, count: Count) -> Audit | None:
    """The trail that the settings want; None where they want none. ``worker`` is one of several, or None for a process
    alone. Raises StartError CH341 where a file cannot be opened. Call it on the event loop."""
    if not settings.sinks:
        return None
    loop = asyncio.get_running_loop()

    def said(head: Head) -> None:
        loop.call_soon_threadsafe(lambda: log.event("audit_head", chain=head.chain, seq=head.seq, hash=head.hash))

    sinks = [_sink(one, settings, worker, said) for one in settings.sinks]
    writers = [
        Writer(
            sink,
            Chain(chain_id(sink.kind, worker, time.time())),
            Recorder(settings.subject, version()),
            _Reporter(count),
            prompt=settings.required,
        )
        for sink in sinks
    ]
    audit = Audit(settings.required, tuple(writers))
    audit.act("audit.start", worker=worker, required=settings.required)
    return audit


@contextlib.asynccontextmanager
async def auditing(settings: AuditSettings, worker: int | None, count: Count) -> AsyncIterator[Audit | None]:
    """The trail, for as long as the block runs. Raises StartError CH341."""
    audit = open_audit(settings, worker, count)
    try:
        yield audit
    finally:
        if audit is not None:
            await audit.close()


def _sink(one: SinkSettings, settings: AuditSettings, worker: int | None, said: Callable[[Head], None]) -> Sink:
    if one.kind == "stdout":
        return Stdout()
    if one.kind == "otlp":
        return Otlp(one.at)
    path = worker_path(Path(one.at), worker)
    try:
        return File(path, settings.rotate, settings.sync, said)
    except OSError as error:
        raise StartError(f"CH341 The audit file '{path}' cannot be opened: {error.strerror}.") from None


class _Reporter:
    """Counts what became of records, and logs when a sink begins to fail and when it has recovered."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def __call__(self, sink: str, what: str, records: int) -> None:
        kind, _, why = what.partition(":")
        if kind == "failed":
            self._count(sink, "failed", 1)
            log.event("audit_failing", "error", sink=sink, why=why, waiting=records)
        elif kind == "recovered":
            log.event("audit_recovered", "warning", sink=sink)
        else:
            self._count(sink, kind, records)
