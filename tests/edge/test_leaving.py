"""What ends a statement at a real PostgreSQL: the client who leaves, and the time that a gateway in front waits."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app.cli import main
from tests.app.process import Process
from tests.edge.naps import QUERY, Watcher, head, serving, write_naps
from tests.postgres import Server, postgres  # noqa: F401  # a fixture

TRIES = 500


@pytest.fixture(scope="module")
def project(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    return write_naps(tmp_path_factory.mktemp("naps"), postgres)


@pytest.fixture(scope="module")
def gateway(project: Path) -> Iterator[Process]:
    with serving(project, CUSTOMHOUSE_TRUSTED_PROXIES="127.0.0.1") as process:
        yield process


@pytest.fixture
async def watcher(project: Path) -> AsyncIterator[Watcher]:
    async with Watcher.over(project) as made:
        yield made


@pytest.fixture
def token(gateway: Process, project: Path, capsys: pytest.CaptureFixture[str]) -> str:
    gateway.wait_for("serving")
    assert main(["token", "--project", str(project), "--as", "napper", "--lifetime", "1h"]) == 0
    return f"Bearer {capsys.readouterr().out.strip()}"


async def leave(gateway: Process, watcher: Watcher, token: str) -> float:
    """Ask, wait until the statement runs, and hang up; gives how long it ran on."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head(token) + QUERY)
    await watcher.until(1)
    writer.transport.abort()
    return await watcher.until(0)


async def test_a_client_who_leaves_ends_its_statement(gateway: Process, watcher: Watcher, token: str) -> None:
    for _ in range(5):
        await leave(gateway, watcher, token)


@pytest.mark.slow_parts
async def test_five_hundred_who_leave(gateway: Process, watcher: Watcher, token: str) -> None:
    """Each of them ends its statement. The figures are printed (-s), and not judged: this machine may be busy."""
    took = sorted([await leave(gateway, watcher, token) for _ in range(TRIES)])
    assert len(took) == TRIES
    share = sum(one <= 0.25 for one in took) / TRIES
    print(
        f"\n{TRIES} clients left: {share:.1%} of the statements ended within 250 ms; "
        f"median {statistics.median(took) * 1000:.1f} ms, p99 {took[int(TRIES * 0.99)] * 1000:.1f} ms"
    )


@pytest.mark.parametrize(
    "header", ["X-Envoy-Expected-Rq-Timeout-Ms: 1500", "X-Request-Timeout-Ms: 1500", "grpc-timeout: 1500m"]
)
async def test_the_peer_in_front_gets_our_words_before_it_stops_waiting(
    header: str, gateway: Process, watcher: Watcher, token: str
) -> None:
    """The zone allows 50 seconds, and this client waits for less; how much sooner the answer is, via.yaml says."""
    name, _, value = header.partition(": ")
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30, trust_env=False) as client:
        sent = {"Authorization": token, "Content-Type": "application/json", name: value}
        answer = await client.post("/graphql", headers=sent, content=QUERY)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (504, "CH150")
        assert await watcher.until(0) >= 0
        sql = {"statement": "SELECT nap FROM d.naps"}
        answer = await client.post("/sql", headers=sent, json=sql)
        assert (answer.status_code, answer.json()["code"] in ("CH150", "CH503")) == (504, True)
    assert await watcher.until(0) >= 0
