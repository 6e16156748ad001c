"""The servers of a comparison, each one process on loopback, as they run in production; the log goes to a file.

A server that is started here is stopped here. One that does not come up is an error that ends with its last words.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from benchmarks.place import PROJECT, ROOT, Missing, dsn, run_folder, warehouse

_PATIENCE = 60  # seconds until a server must listen
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is started. ``variables`` are added to its environment."""

    name: str
    port: int
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BENCH_DSN": dsn(), **self.variables}


def gateway(name: str, port: int, project: Path = PROJECT, overlay: str | None = None) -> Server:
    """Ours, with every setting at its default: tokens, policies, limits, reloading and the request log are on."""
    chosen = ("--env", overlay) if overlay else ()
    command = (str(_PROGRAMS / "customhouse"), "serve", "--project", str(project), "--port", str(port), "--dev-keys")
    return Server(name, port, (*command, *chosen), {"BENCH_DUCKDB": str(warehouse())})


def python_peer(name: str, port: int) -> Server:
    """A server of benchmarks/peers under uvicorn, without an access log."""
    settings = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
    module = f"benchmarks.peers.{name}:app"
    return Server(
        name,
        port,
        (sys.executable, "-m", "uvicorn", module, "--host", "127.0.0.1", "--port", str(port), *settings),
    )


@contextlib.contextmanager
def running(server: Server) -> Iterator[int]:
    """The process id of the server, which listens until the end of the block."""
    if _listens(server.port):
        raise Missing(f"Port {server.port}, where {server.name} would listen, is taken: stop what listens there.")
    logs = run_folder() / "logs"
    logs.mkdir(exist_ok=True)
    path = logs / f"{server.name}.log"
    with path.open("wb") as log, _started(server, log) as process:
        _wait(server, process, path)
        yield process.pid


@contextlib.contextmanager
def _started(server: Server, log: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        server.command, cwd=server.folder, env=server.environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while not _listens(server.port):
        if process.poll() is not None or time.monotonic() > until:
            raise Missing(f"{server.name} did not come up:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
