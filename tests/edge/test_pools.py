"""How full the pools of sources are, as a scrape says it: over two workers, one of which is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.cli import main
from tests.app.process import Process, until
from tests.edge.naps import Watcher, head, serving, write_naps
from tests.postgres import Server, postgres  # noqa: F401  # a fixture

WORKERS, PLACES = 2, 3


@pytest.fixture(scope="module")
def project(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    project = write_naps(tmp_path_factory.mktemp("pools"), postgres)
    settings = project / "customhouse.yaml"
    settings.write_text(settings.read_text().replace('"}}', f'", options: {{pool_size: {PLACES}, streams: 1}}}}}}'))
    return project


@pytest.fixture
def gateway(project: Path) -> Iterator[Process]:
    with serving(project, CUSTOMHOUSE_WORKERS=str(WORKERS), CUSTOMHOUSE_ADMIN="127.0.0.1:0") as process:
        yield process


class Scrape:
    """Sums over the samples of the one source, by metric, pool and state."""

    def __init__(self, gateway: Process) -> None:
        self._url = f"{gateway.wait_for('supervising')['admin']}/metrics"

    def __call__(self) -> dict[tuple[str, ...], float]:
        said = httpx.get(self._url, trust_env=False).text
        return {
            (sample.name.removeprefix("customhouse_pool_"), *(sample.labels[name] for name in ("pool", "state")
             if name in sample.labels)): sample.value
            for family in text_string_to_metric_families(said)
            for sample in family.samples
            if sample.name.startswith("customhouse_pool_") and sample.labels["source"] == "db"
        }  # fmt: skip


USED, IDLE = ("connections", "connections", "used"), ("connections", "connections", "idle")
MOST, WAITING = ("connections_max", "connections"), ("pending_requests", "connections")


async def ask(gateway: Process, token: str, number: int) -> asyncio.StreamWriter:
    """Each asks something else: equal statements would share one."""
    query = json.dumps(
        {"query": f"{{ naps(where: {{id: {{in: [1, {number + 2}]}}}}) {{ nodes {{ nap }} }} }}"}
    ).encode()
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head(token, query=query) + query)
    return writer


async def test_pools_of_two_workers(gateway: Process, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for worker in range(WORKERS):
        gateway.wait_for("serving", worker=worker)
    assert main(["token", "--project", str(project), "--as", "napper", "--lifetime", "1h"]) == 0
    token, scrape = f"Bearer {capsys.readouterr().out.strip()}", Scrape(gateway)
    rest = {USED: 0, WAITING: 0, MOST: WORKERS * PLACES}
    assert until(lambda: rest.items() <= scrape().items())
    assert scrape()["connections_max", "streams"] == WORKERS

    # Which worker takes a connection is not for the test to say: so it asks until both are full. Readiness checks wait
    # for places, too.
    async with Watcher.over(project) as watcher:
        asking = []
        async with asyncio.timeout(60):
            while (now := await asyncio.to_thread(scrape))[USED] < WORKERS * PLACES or now[WAITING] < 4:
                asking.append(await ask(gateway, token, len(asking)))
                await asyncio.sleep(0.1)
        assert (now[IDLE], now[MOST]) == (0, WORKERS * PLACES)
        await watcher.until(WORKERS * PLACES)

        os.kill(int(str(gateway.wait_for("serving", worker=0)["pid"])), signal.SIGKILL)
        assert await asyncio.to_thread(until, lambda: scrape()[USED] == PLACES)

        for writer in asking:
            writer.transport.abort()
        assert await asyncio.to_thread(until, lambda: rest.items() <= scrape().items())
