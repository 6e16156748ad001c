"""A process holds the closure of its zones: nothing else can be found in its memory, nor is it imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.doors import Door
from app.loaded import cut
from app.project import fingerprint, load_project
from tests.app.process import ROOT
from tests.doors.conftest import Issuers
from tests.doors.house import Houses
from tests.doors.memory import found

_SEEN, _HINTERLAND = ("trade.orders", "order_lines"), "hinterland"
_ASKED = {"query": "{ orders { nodes { id firm lines { nodes { what } } } } }"}
linux = pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="the memory of a process is shown by Linux alone"
)


@linux
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow_parts)])
def test_nothing_else_is_in_memory(workers: str, project: Path, issuers: Issuers) -> None:
    """At the start, after requests, and after a reload; in the parent of several workers too."""
    house = Houses(project, ["partner"], {"CUSTOMHOUSE_WORKERS": workers})
    process, client = house.process, house.clients["partner"]
    headers = {"Authorization": f"Bearer {issuers.token('partner')}"}

    def held() -> None:
        pids = {process.popen.pid, *(int(str(one["pid"])) for one in process.log if one["event"] == "serving")}
        assert len(pids) == (1 if workers == "1" else 3)
        for pid in pids:
            assert found(pid, [*_SEEN, _HINTERLAND]) == set(_SEEN)

    try:
        for worker in range(int(workers)):
            process.wait_for("serving", **({"worker": worker} if workers != "1" else {}))
        assert client.post("/graphql", headers=headers, json=_ASKED).json()["data"]
        assert client.get("/catalog", headers=headers).status_code == 200
        held()
        vaulted = project / "catalog" / "vaulted.yaml"
        vaulted.write_text(vaulted.read_text() + "# more\n")
        for worker in range(int(workers)):
            process.wait_for("reloaded", **({"worker": worker} if workers != "1" else {}))
        assert client.post("/graphql", headers=headers, json=_ASKED).json()["data"]
        held()
    finally:
        assert house.stop() == 0


@linux
def test_names_that_are_held_would_be_found(project: Path) -> None:
    house = Houses(project, ["internal"])
    try:
        assert found(house.process.popen.pid, [*_SEEN, _HINTERLAND]) == {*_SEEN, _HINTERLAND}
    finally:
        house.stop()


def test_versions_and_fingerprint_are_the_whole_projects(project: Path) -> None:
    """So that zones that are served by several processes can be seen to be of one version."""
    whole = load_project(project)
    kept = cut(whole, [Door("partner", "127.0.0.1", 0, restricted=True)])
    assert (kept.fingerprint, kept.catalog, kept.policies) == (
        fingerprint(project),
        whole.catalog.version,
        whole.policies.version,
    )
    assert set(kept.zones) == {"partner"}
    assert set(kept.zones["partner"].catalog.products) == {"trade.orders", "trade.lines"}


_SERVED = """
import asyncio, json, sys
from pathlib import Path
from app.hall import halls
from app.doors import Door
from app.keyring import keyring
from app.loaded import cut
from app.metrics.sheet import sheets
from app.parts import PARTS
from app.project import load_project
from app.settings import Settings
from app.work import Post, Work

async def main(root, zone):
    project = load_project(root)
    door = Door(zone, "127.0.0.1", 0, project.catalog.zones[zone].restricted)
    post = Post(door, None, keyring(zone, {}, root, True, None, door.restricted))
    (hall,) = halls(Work(Settings(root, dev_keys=True), PARTS, (post,)), sheets(1)[0])
    hall.switch.swap(await hall.assemble(cut(project, [door]).zones[zone]))
    await hall.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
print(json.dumps(list(sys.modules)))
"""
_HEAVY = (
    "resolvers.frontends.sql",
    "resolvers.statements.engine",
    "policies.sql.govern",
    "duckdb",
    "asyncpg",
    "pyarrow",
)


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        ("partner", {"duckdb"}),
        ("internal", {"resolvers.frontends.sql", "resolvers.statements.engine", "policies.sql.govern", "duckdb"}),
    ],
)
def test_what_a_zone_does_not_use_is_not_imported(zone: str, wanted: set[str], project: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _SERVED, str(project), zone],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout.splitlines()[-1])) & set(_HEAVY) == wanted
