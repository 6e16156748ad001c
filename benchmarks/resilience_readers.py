"""Clients that ask for much and never read: what a process holds for them, and whether it lets go of them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.procfs import connections, rss_mib
from benchmarks.resilience_house import DOCUMENTS, House, port_of, request
from tests.app.process import Process

CLIENTS, _SECONDS, _STALLS, _LATER = 50, 20.0, 22.0, 5.0
_FIELDS = "nodes { id name }"
Body = Callable[[int], tuple[str, bytes]]


def _stream(_: int) -> tuple[str, bytes]:
    return "/sql", json.dumps({"statement": "SELECT id, name FROM d.documents", "format": "csv"}).encode()


def _same(_: int) -> tuple[str, bytes]:
    return "/graphql", json.dumps({"query": f"{{ documents(first: {DOCUMENTS}) {{ {_FIELDS} }} }}"}).encode()


def _different(number: int) -> tuple[str, bytes]:
    where = f"first: {DOCUMENTS}, where: {{id: {{gt: -{number + 1}}}}}"
    return "/graphql", json.dumps({"query": f"{{ documents({where}) {{ {_FIELDS} }} }}"}).encode()


QUESTIONS: dict[str, Body] = {
    "SQL, as CSV": _stream,
    "GraphQL, the same question": _same,
    "GraphQL, each its own question": _different,
}


def never_read(house: House, body: Body) -> str:
    """Each client's own subject, and a receive buffer of 64 KiB, so that the system holds little for it."""
    with house.gateway(CUSTOMHOUSE_SLOW_READER=str(_STALLS)) as process:
        port, pid = port_of(process), process.popen.pid
        _warm(house, port, body)
        process.wait_for("request")
        since = len(process.log)
        before = rss_mib(pid)
        clients = [_ask(house, port, number, body(number)) for number in range(CLIENTS)]
        time.sleep(_SECONDS)
        held, peak, early = rss_mib(pid), _peak_mib(pid), _said(_ended(process, since))
        waited = _wait_for_drops(process, since)
        after, left, late = rss_mib(pid), connections(port), _said(_ended(process, since))
        for client in clients:
            client.close()
    return (
        f"{held:.0f} MiB after {_SECONDS:.0f} s (before {before:.0f}, most {peak:.0f}), answered until then: {early}; "
        f"after {_SECONDS + waited:.0f} s: {late}; {left} connections, {after:.0f} MiB"
    )


def _warm(house: House, port: int, body: Body) -> None:
    """Ask for one row, so that libraries which the first question needs count as there before."""
    path, said = body(0)
    few = said.replace(str(DOCUMENTS).encode(), b"1").replace(b"d.documents", b"d.documents LIMIT 1")
    with _ask(house, port, 0, (path, few)) as client:
        client.recv(64 * 1024)


def _ask(house: House, port: int, number: int, asked: tuple[str, bytes]) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.connect(("127.0.0.1", port))
    path, said = asked
    client.sendall(request(house.token("p256-1", number), said, path))
    return client


def _wait_for_drops(process: Process, since: int) -> float:
    """Wait until all are dropped (499), or have had the time for it; gives how long that took."""
    began, end = time.monotonic(), time.monotonic() + _STALLS - _SECONDS + _LATER
    while _ended(process, since).get(499, 0) < CLIENTS and time.monotonic() < end:
        time.sleep(0.1)
    return time.monotonic() - began


def _ended(process: Process, since: int) -> dict[int, int]:
    """The requests that are over, by status, as the log says from that line on."""
    found: dict[int, int] = {}
    for line in process.log[since:]:
        if line["event"] == "request":
            status = int(str(line["status"]))
            found[status] = found.get(status, 0) + 1
    return found


def _said(statuses: dict[int, int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in statuses.items()) or "none"


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
