"""One child process: forked from a parent that has one thread, no event loop and no open source.

Fork, not spawn: a child begins with everything imported and the project loaded, in memory that it shares with its
siblings, and it takes over the last version that was served even if the files on disk are broken by now. What makes
forking unsafe is kept out of the parent: it starts no thread, opens no source and runs no event loop.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_SAYING = 4096


class CannotServe(Exception):
    """A child ends at once, for a reason that the person who starts the gateway has to know."""


@dataclass(slots=True)
class Child:
    """A process that runs. ``number`` is its place; ``said`` the reading end of what it says when it cannot start."""

    number: int
    pid: int
    said: int
    began: float
    serving: bool = False
    reload_asked: bool = False

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended; the parent will see
            os.kill(self.pid, number)

    def last_words(self) -> str:
        """Why it could not start; '' where it said nothing. Closes the pipe."""
        with os.fdopen(self.said, "rb") as pipe:
            os.set_blocking(pipe.fileno(), False)
            return (pipe.read(_SAYING) or b"").decode("utf-8", "replace")


def fork(number: int, body: Callable[[], None]) -> Child:
    """Run ``body`` in a new process. It ends with 0 when ``body`` returns, with 2 for CannotServe, else with 1."""
    said, say = os.pipe()
    gc.collect()
    gc.freeze()  # the child's collector then leaves the shared pages alone
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(say)
        os.set_inheritable(said, False)
        return Child(number, pid, said, time.monotonic())
    code = 1
    try:
        os.close(said)
        _forget_the_parent(before)
        code = _run(body, say)
    finally:
        os._exit(code)  # never back into the parent's frames, nor through its exit handlers


def _forget_the_parent(mask: set[int | signal.Signals]) -> None:
    os.setpgid(0, 0)  # Ctrl-C is the parent's, which tells us once
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload; the parent asks again then
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _run(body: Callable[[], None], say: int) -> int:
    try:
        body()
    except CannotServe as reason:
        os.write(say, str(reason).encode()[:_SAYING])
        return 2
    except BaseException:  # noqa: BLE001 - the process ends here: its operator sees why
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
