"""Run a gateway process and read its log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 30.0


class Process:
    """A gateway on a free port of loopback. ``log`` grows while it runs."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CUSTOMHOUSE_")}
        self.popen = subprocess.Popen(
            [sys.executable, *command],
            env={**kept, "PYTHONPATH": path, "PORT": "0", "HOST": "127.0.0.1", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.log: list[dict[str, object]] = []
        self.errors: list[bytes] = []
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_log, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read_log(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.log.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self.popen.stderr is not None
        self.errors.extend(self.popen.stderr)

    def wait_for(self, event: str, after: int = 0, **fields: object) -> dict[str, object]:
        """The first log line of that event with these fields, from line ``after`` on."""
        wanted = {"event": event, **fields}.items()

        def found() -> dict[str, object] | None:
            return next((line for line in self.log[after:] if wanted <= line.items()), None)

        line = until(lambda: found() is not None or self.popen.poll() is not None) and found()
        assert line, (wanted, self.popen.poll(), self.log[-5:], b"".join(self.errors).decode()[-2000:])
        return line

    @property
    def url(self) -> str:
        return str(self.wait_for("serving")["url"])

    def stop(self) -> int:
        """End it as an operator would; gives the exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.stop_by_itself()

    def stop_by_itself(self) -> int:
        """Wait until it has ended; gives the exit code."""
        code = self.popen.wait(_PATIENCE)
        for thread in self._threads:
            thread.join(_PATIENCE)
        for pipe in (self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                pipe.close()
        return code


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, not for a time; False where patience ends."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
