"""Real servers, each in an environment of its own: too heavy for ours, and with pins that would hold ours back.

An environment is made once under `.run/` from `parts/NAME.txt`, with pip. Where that cannot be done the tests are
skipped and the part is named, as everywhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

PARTS = Path(__file__).parent / "parts"
ROOT = Path(__file__).parents[2]
_INSTALL, _RUN, _START, _STOP = 900, 180, 180, 20
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "FEAST_USAGE": "False",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Part:
    """An environment that is ready."""

    name: str
    bin: Path

    def run(self, script: str, *arguments: str) -> str:
        """What a script of `parts/` prints."""
        command = [str(self.bin / "python"), str(PARTS / script), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_RUN, env=self._environment(), check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    @contextmanager
    def serving(self, health: str, cwd: Path, *command: str) -> Iterator[None]:
        """A command of the environment, from when ``health`` answers until the end of the block."""
        log = cwd / "server.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                [str(self.bin / command[0]), *command[1:]],
                cwd=cwd,
                stdout=out,
                stderr=out,
                env=self._environment(),
                start_new_session=True,
            )
        try:
            _await(health, server, log)
            yield
        finally:
            _stop(server)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **_ENVIRONMENT, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}


def part(name: str, pins: Path | None = None) -> Part:
    """The part's environment, made where it is not there yet; ``pins`` elsewhere than in `parts/`. Skips where it
    cannot be."""
    pins = pins or PARTS / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    place = ROOT / ".run" / "parts" / f"{name}-{version}-{digest}"
    if not (place / "ready").exists():
        for old in place.parent.glob(f"{name}-{version}-*"):  # made from other pins, or half made
            shutil.rmtree(old, ignore_errors=True)
        if not _made(place, pins):
            shutil.rmtree(place, ignore_errors=True)
            pytest.skip(f"{name} (PyPI, {pins.relative_to(ROOT)}: pip did not install it for Python {version})")
        (place / "ready").touch()
    return Part(name, place / "bin")


def ports(count: int) -> list[int]:
    """Free ports of loopback, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return found


def _made(place: Path, pins: Path) -> bool:
    install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(place)], [*install, "--no-deps", "--requirement", str(pins)]):
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
    return True


def _await(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(health, timeout=5):
            return
        time.sleep(0.25)
    raise AssertionError(f"the server does not answer: {log.read_text(errors='replace')[-2000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_STOP)
