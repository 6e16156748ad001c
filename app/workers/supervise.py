"""Supervise: keep so many workers serving the same listeners, and an admin listener beside them.

1. Fork one worker and wait until it serves: what is wrong with a start is said once, and ends everything.
2. Fork the others, and the admin process.
3. A child that ends is started again, at once if it had lived, else after a pause that doubles up to `LONGEST`. When
   nobody is left and starting has failed `ENOUGH` times in a row, all ends as an error.
4. SIGTERM and SIGINT go to every worker, which drains as it does alone; whoever overstays is killed. SIGHUP goes to
   every worker, too.
5. Workers load new versions of the project by themselves. The parent follows: when one serves a new version, it loads
   that as well, so that a worker started later begins with what the others serve, not with what the first ones did.

The parent serves nothing and reads nothing from the network, so no client can keep it from its work. It has one thread
and no event loop, which is what makes forking safe at any time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from app import log
from app.loaded import Loaded
from app.metrics.sheet import Sheet
from app.workers.child import CannotServe, Child, fork

LONGEST, ENOUGH = 10.0, 5
_LIVED = 10.0  # seconds after which a death is no failed start
_TICK = 0.5
ADMIN = -1

Body = Callable[[Loaded], None]


@dataclass(slots=True)
class Place:
    """A child's place: who has it, how often starting failed, and when to try next."""

    number: int
    child: Child | None = None
    failures: int = 0
    due: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """``worker(number)`` and ``admin`` give what a child does; ``load`` reads the project again; ``patience`` is how
    long a drain may take."""

    sheets: Sequence[Sheet]
    worker: Callable[[int], Body]
    admin: Body | None
    load: Callable[[], Loaded]
    loaded: Loaded
    patience: float
    _places: list[Place] = field(default_factory=list)
    _told: list[int] = field(default_factory=list)
    _ending: float | None = None
    _seen: frozenset[str] = frozenset()

    def run(self) -> None:
        """Until told to stop. Raises CannotServe where the workers cannot start."""
        with self._signals() as bell:
            try:
                self._begin(bell)
                while self._workers() or self._ending is None:
                    self._turn(bell)
            finally:
                self._kill_all()

    def _begin(self, bell: int) -> None:
        first = Place(0)
        self._places = [first]
        self._start(first)
        while first.child is not None and not first.child.serving and self._ending is None:
            self._turn(bell, first_start=True)
        self._places += [Place(number) for number in range(1, len(self.sheets))]
        if self.admin is not None:
            self._places.append(Place(ADMIN))

    def _turn(self, bell: int, first_start: bool = False) -> None:
        """One look at everything: signals, deaths, new versions, places to fill."""
        self._wait(bell)
        while self._told:
            self._tell(self._told.pop(0))
        self._reap(first_start)
        if self._ending is not None:
            if time.monotonic() > self._ending:
                self._kill_all()
            return
        self._notice()
        now = time.monotonic()
        for place in self._places:
            if place.child is None and place.due <= now and not first_start:
                self._start(place)

    def _wait(self, bell: int) -> None:
        now = time.monotonic()
        due = [max(0.0, place.due - now) for place in self._places if place.child is None and self._ending is None]
        starting = any(place.child is not None and not place.child.serving for place in self._places)
        ready, _, _ = select.select([bell], [], [], min([0.02 if starting else _TICK, *due]))
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(bell, 4096)

    def _start(self, place: Place) -> None:
        log.flush()
        body = self.admin if place.number == ADMIN else self.worker(place.number)
        if body is not None:
            loaded = self.loaded
            place.child = fork(place.number, lambda: body(loaded))

    def _workers(self) -> list[Child]:
        return [place.child for place in self._places if place.child is not None and place.number != ADMIN]

    def _tell(self, number: int) -> None:
        """Hand a signal on. The admin listener goes on until the workers have ended."""
        if number == signal.SIGHUP:
            for child in self._workers():
                child.reload_asked = not child.serving
                child.signal(number)
            return
        if self._ending is None:
            log.event("ending", workers=len(self._workers()))
            self._ending = time.monotonic() + self.patience
        for child in self._workers():
            child.signal(number)

    def _notice(self) -> None:
        """Who has begun to serve, and whether somebody serves a version that the parent does not have."""
        for place in self._places:
            child = place.child
            if child is not None and not child.serving and self._serves(place.number):
                child.serving = True
                if child.reload_asked:
                    child.signal(signal.SIGHUP)
        served = frozenset(version.fingerprint for sheet in self.sheets if (version := sheet.version) is not None)
        if served != self._seen:
            self._seen = served
            if served - {self.loaded.fingerprint}:
                self._follow(served)

    def _serves(self, number: int) -> bool:
        return number == ADMIN or self.sheets[number].serving

    def _follow(self, served: frozenset[str]) -> None:
        try:
            found = self.load()
        except Exception as error:  # noqa: BLE001 - changed again since the workers read it, and broken: they go on
            log.event("not_followed", "warning", kind=type(error).__name__)
            return
        if found.fingerprint in served:
            self.loaded = found

    def _reap(self, first_start: bool) -> None:
        for place in self._places:
            child = place.child
            if child is None:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            place.child = None
            if place.number != ADMIN:
                self.sheets[place.number].leave()
            self._ended(place, child, os.waitstatus_to_exitcode(status), first_start)

    def _ended(self, place: Place, child: Child, code: int, first_start: bool) -> None:
        said = child.last_words()
        if self._ending is not None:
            return
        lived = time.monotonic() - child.began
        failed = lived < _LIVED
        place.failures = place.failures + 1 if failed else 0
        pause = min(LONGEST, 0.1 * 2.0**place.failures) if place.failures > 1 else 0.0
        place.due = time.monotonic() + pause
        name = "admin_ended" if place.number == ADMIN else "worker_ended"
        log.event(name, "error", worker=place.number, code=code, lived=round(lived, 1), again_in=pause, reason=said)
        hopeless = place.failures >= ENOUGH and place.number != ADMIN and not self._workers()
        if hopeless or (first_start and not child.serving):
            raise CannotServe(said or "CH334 The workers cannot start; what they wrote to standard error says why.")

    def _kill_all(self) -> None:
        """Whoever is left: the admin process gets a moment to end its answer."""
        for place in self._places:
            if place.child is not None:
                if place.number == ADMIN:
                    place.child.signal(signal.SIGTERM)
                    self._leave_alone(place.child)
                place.child.signal(signal.SIGKILL)
                os.waitpid(place.child.pid, 0)
                place.child = None

    def _leave_alone(self, child: Child) -> None:
        until = time.monotonic() + 2.0
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > until:
                return
            time.sleep(0.02)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Note signals and ring a bell: a pipe that the loop listens to."""
        bell, rope = os.pipe()
        for end in (bell, rope):
            os.set_blocking(end, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, lambda told, _: self._told.append(told)) for number in numbers}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        rung = signal.set_wakeup_fd(rope)
        try:
            yield bell
        finally:
            signal.set_wakeup_fd(rung)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(bell)
            os.close(rope)
