"""A writer: takes what is told on the event loop, and makes and writes the lines in a thread of its own.

1. What is told waits in a bounded queue. When it is full, or its sink has just failed, the next one is refused.
2. The thread takes what is there, makes lines of it in one chain, and gives them to the sink together.
3. Lines that were not accepted stay as they are and are given again, after a pause that doubles; whoever waits for one
   is told at once that it was not accepted.
4. What was refused is counted, and the count is itself written as soon as the sink accepts lines again.

A line that has been made is never changed, and never left out while the process lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from app.audit.chain import Chain
from app.audit.record import Recorder
from app.audit.sink import Head, Sink, SinkError
from app.audit.told import Act, Told, weight

MOST = 10_000
_TOGETHER = 256
_PAUSE, _LONGEST = 0.2, 5.0
_GATHER = 0.05
_REST = 1.0

Report = Callable[[str, str, int], None]
"""Told on the event loop: the sink's kind, what became of records (written, failed, refused), and how many."""


class Waiting(NamedTuple):
    """Something told, and whoever waits until it is accepted."""

    told: Told
    waiter: asyncio.Future[bool] | None


class Writer:
    """One sink's. ``prompt``: lines are not held back to be written together."""

    def __init__(
        self,
        sink: Sink,
        chain: Chain,
        recorder: Recorder,
        report: Report,
        prompt: bool = False,
        most: int = MOST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sink, self._chain, self._recorder, self._report = sink, chain, recorder, report
        self._prompt, self._most, self._clock = prompt, most, clock
        self._queue: deque[Waiting] = deque()
        self._made: list[bytes] = []
        self._accepted = Head(chain.id, 0, chain.hash)
        self._bell, self._rung, self._ending = threading.Event(), False, threading.Event()
        self._refused = self._said = 0  # the first is the loop's to count, the second the thread's
        self._failing, self._pause, self._again = False, 0.0, 0.0
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=f"audit-{sink.kind}", daemon=True)
        self._thread.start()

    def put(self, told: Told, waiter: asyncio.Future[bool] | None = None) -> bool:
        """Take something to be written; False where it is not taken. On the event loop only."""
        if len(self._queue) >= self._most or (waiter is not None and self._failing and time.monotonic() < self._again):
            if waiter is None:
                self._refused += weight(told)
                self._report(self._sink.kind, "refused", weight(told))
            return False
        self._queue.append(Waiting(told, waiter))
        if not self._rung:
            self._rung = True
            self._bell.set()
        return True

    async def close(self, patience: float) -> int:
        """Write what is left and end. Gives how much was not written, where the sink does not accept it in time."""
        self._ending.set()
        self._bell.set()
        await asyncio.to_thread(self._thread.join, patience)
        waiting = sum([weight(waiting.told) for waiting in list(self._queue)])  # its thread may go on
        return waiting + len(self._made) + self._refused - self._said

    def _run(self) -> None:
        while not (self._ending.is_set() and not self._queue and not self._made):
            self._wait()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the trail must go on, whatever a record or a sink does
                self._failed(_why(error))
            if self._ending.is_set() and self._failing:
                break  # one attempt at the end; what is left is said in the log
        try:
            self._sink.close(self._accepted)
        except SinkError as error:
            self._tell("failed", 0, str(error))

    def _wait(self) -> None:
        """Until there is something to do: new lines, or another attempt with old ones."""
        if self._failing:
            self._ending.wait(max(0.0, self._again - time.monotonic()))
            return
        if self._made or self._queue or self._bell.wait(_REST):
            if not self._prompt:
                self._ending.wait(_GATHER)
            return
        try:
            self._sink.pause(self._accepted, idle=True)
        except SinkError as error:
            self._failed(str(error))

    def _turn(self) -> None:
        self._bell.clear()
        self._rung = False  # before the queue is looked at: what is put after this rings again
        while self._made or self._queue:
            waiters = self._take()
            try:
                self._sink.write(self._made)
            except Exception as error:  # noqa: BLE001 - the trail must go on, whatever a sink does
                self._failed(_why(error))  # before anybody goes on: who comes next is refused at once
                self._answer(waiters, False)
                return
            count, self._made = len(self._made), []
            self._accepted = Head(self._chain.id, self._chain.seq, self._chain.hash)
            self._answer(waiters, True)
            self._succeeded(count)
            self._sink.pause(self._accepted, idle=False)

    def _take(self) -> list[asyncio.Future[bool]]:
        """Make lines of what waits. One that cannot be made is a defect of ours: a line says so in its place."""
        waiters = []
        while self._queue and len(self._made) < _TOGETHER:
            told, waiter = self._queue.popleft()
            try:
                line = self._line(told)
            except Exception as error:  # noqa: BLE001 - nothing that is told may stop the trail
                line = self._line(self._act("audit.unwritable", kind=type(error).__name__))
            self._made.append(line)
            if waiter is not None:
                waiters.append(waiter)
        return waiters

    def _line(self, told: Told) -> bytes:
        return self._chain.line(self._recorder.record(told))

    def _act(self, name: str, **about: object) -> Act:
        return Act(self._clock(), name, False, about)

    def _failed(self, why: str) -> None:
        self._pause = min(_LONGEST, self._pause * 2 or _PAUSE)
        self._again = time.monotonic() + self._pause
        if not self._failing:
            self._failing = True
            self._tell("failed", len(self._made), why)

    def _succeeded(self, count: int) -> None:
        self._tell("written", count)
        if self._failing:
            self._failing, self._pause = False, 0.0
            self._tell("recovered", 0)
        refused = self._refused
        if refused > self._said:
            self._made.append(self._line(self._act("audit.lost", records=refused - self._said)))
            self._said = refused

    def _answer(self, waiters: list[asyncio.Future[bool]], accepted: bool) -> None:
        if waiters:
            self._soon(_settle, waiters, accepted)

    def _tell(self, what: str, count: int, why: str = "") -> None:
        self._soon(self._report, self._sink.kind, f"{what}:{why}" if why else what, count)

    def _soon(self, call: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            self._loop.call_soon_threadsafe(call, *values)


def _why(error: Exception) -> str:
    """What a sink says of itself; of anything else its kind alone."""
    return str(error) if isinstance(error, SinkError) else type(error).__name__


def _settle(waiters: list[asyncio.Future[bool]], accepted: bool) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(accepted)
