"""CPU and memory of processes, from /proc. Linux only; elsewhere the figures are missing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENING, _ESTABLISHED = "0A", "01"
_STATE, _PARENT, _USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 0, 1, 11, 12, 13, 14


def pid_on_port(port: int) -> int | None:
    """The oldest process that listens on a port of this machine: a pool's parent rather than its workers."""
    inodes = _sockets(port, _LISTENING)
    for pid in sorted(_processes()):
        try:
            for entry in os.scandir(f"/proc/{pid}/fd"):
                name = os.readlink(entry.path)
                if name.startswith("socket:[") and name[8:-1] in inodes:
                    return pid
        except OSError:
            continue  # gone, or another user's
    return None


def tree(root: int) -> set[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in _processes():
        if fields := _stat(pid):
            children[int(fields[_PARENT])].append(pid)
    found, todo = set(), [root]
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += children[pid]
    return found


def cpu_seconds(root: int | None) -> float:
    """User and system time of a process tree, with what its ended children took."""
    if root is None:
        return 0.0
    own = _stat(root)
    reaped = (int(own[_REAPED_USER]) + int(own[_REAPED_SYSTEM])) / _TICKS if own else 0.0
    return reaped + sum(_cpu(pid) for pid in tree(root))


def rss_mib(root: int | None) -> float:
    """Resident memory of a process tree."""
    return sum(_rss_kib(pid) for pid in tree(root)) / 1024 if root is not None else 0.0


def connections(port: int) -> int:
    """How many connections a port of this machine holds open."""
    return len(_sockets(port, _ESTABLISHED))


def _sockets(port: int, state: str) -> set[str]:
    """The inodes of a port's sockets in that state."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            fields = line.split()
            if fields[3] == state and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def _processes() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if Path("/proc").exists() else []


def _stat(pid: int) -> list[str] | None:
    """The fields after the command's name, which may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS if fields else 0.0


def _rss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
