"""A product that its source cannot answer for: said by `check` with its place, and never served, from the start or by a
reload. The sources are real ones; nothing listens where they point to, since nothing is sent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from app.assemble import Assembler
from app.cli import main
from app.doors import Door
from app.keyring import keyring
from app.loaded import Loaded, cut
from app.metrics.metrics import Metrics
from app.metrics.sheet import sheets
from app.parts import PARTS
from app.project import Project, load_project
from app.reload import Reloader
from app.serving import Serving, Switch
from app.settings import Settings, StartError
from resolvers.observe import SILENT
from tests.app.conftest import write_project
from tests.app.process import ROOT

SOURCES = """\
sources:
  scorer: {kind: mlflow, url: "http://127.0.0.1:9", location: eu-west-1}
  store: {kind: redis, url: "redis://127.0.0.1:9", location: eu-west-1}
"""
SECRETS = """\
sources:
  scorer: {kind: mlflow, url: "secret:env:FITTING_URL", location: eu-west-1, options: {bearer: "secret:env:FITTING"}}
  store: {kind: redis, url: "secret:env:FITTING_URL", location: eu-west-1}
"""
CATALOG = """\
domains: {ml: {}}
products:
  ml.risk:
    source: scorer
    model:
      version: "1"
      inputs: {distance: float}
      outputs: {probability: float}
      options: {params: {top: 3}}
  ml.route:
    source: store
    key: [origin]
    table: routes
    features: {options: {key: "route:{origin}"}}
    columns: {origin: string, delay: float}
"""
BROKEN = CATALOG.replace("params: {top: 3}", "speed: high").replace("route:{origin}", "route:{dest}")
SAID = (
    "catalog/all.yaml:3:3  CH247 'ml.risk' does not fit its source 'scorer': "
    "a model of kind mlflow has no option 'speed'; there are params.",
    "catalog/all.yaml:10:3  CH247 'ml.route' does not fit its source 'store': the key template names 'dest'",
)


def project(at: Path, catalog: str = CATALOG, sources: str = SOURCES) -> Path:
    folder = write_project(at, "https://issuer.example")
    settings = folder / "customhouse.yaml"
    settings.write_text(settings.read_text().replace("sources: {}\n", sources))
    for old in (folder / "catalog").glob("*.yaml"):
        old.unlink()
    (folder / "catalog").mkdir(exist_ok=True)
    (folder / "catalog" / "all.yaml").write_text(catalog)
    return folder


@dataclass(frozen=True)
class Place:
    """The zone `internal`, served without a listener."""

    switch: Switch
    assembler: Assembler
    zone: str = "internal"

    async def assemble(self, seen: Project) -> Serving:
        return await self.assembler.assemble(seen)


def load(folder: Path) -> Loaded:
    return cut(load_project(folder), [Door("internal", "127.0.0.1", 0)])


def reloader(folder: Path, switch: Switch) -> Reloader:
    settings = Settings(folder, dev_keys=True)
    parts = (PARTS.make_engine, PARTS.reveal_source, PARTS.open_source)
    assembler = Assembler(settings, "internal", keyring("internal", {}, folder, True), *parts, SILENT)
    return Reloader([Place(switch, assembler)], folder, partial(load, folder), 0, Metrics(sheets(1)[0]))


async def test_it_is_not_served(tmp_path: Path) -> None:
    switch = Switch()
    with pytest.raises(StartError) as caught:
        folder = project(tmp_path / "p", BROKEN)
        await reloader(folder, switch).start(load(folder))
    assert all(sentence in str(caught.value) for sentence in SAID)
    assert switch.current is None


async def test_a_reload_goes_on_with_what_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is a list here."""
    folder, switch, log = project(tmp_path / "p"), Switch(), list[str]()
    monkeypatch.setattr("app.reload.event", lambda *said, **fields: log.append(f"{said} {fields}"))
    reload = reloader(folder, switch)
    try:
        await reload.start(load(folder))
        before = switch.current
        (folder / "catalog" / "all.yaml").write_text(BROKEN)
        assert not await reload.reload()
        assert "reload_refused" in log[-1]
        assert "'ml.risk' does not fit its source" in log[-1].replace("\\'", "'")
        assert "no option 'speed'" in log[-1].replace("\\'", "'")
        assert switch.current is before
        (folder / "catalog" / "all.yaml").write_text(CATALOG.replace("top: 3", "top: 4"))
        assert await reload.reload()
        assert switch.current is not before
    finally:
        await switch.close()


def test_the_command_serves_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", BROKEN)
    argv = ["serve", "--project", str(folder), "--zone", "internal", "--port", "0", "--dev-keys"]
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *argv], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert all(sentence in done.stderr for sentence in SAID)
    assert "serving" not in done.stdout


CHECKS: list[tuple[str, str, int, tuple[str, ...]]] = [
    (CATALOG, SOURCES, 0, ()),
    (BROKEN, SOURCES, 1, SAID),
    (CATALOG, SECRETS, 0, ()),
    (BROKEN, SECRETS, 1, SAID),
    (BROKEN, SOURCES.replace('"redis:', '"http:'), 1, (SAID[0], "were not looked at. Source 'store': a redis source")),
]


@pytest.mark.parametrize(("catalog", "sources", "code", "said"), CHECKS)
def test_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], catalog: str, sources: str, code: int, said: tuple[str, ...]
) -> None:
    """Also where the secrets of a source are not at hand, as on a build server."""
    assert main(["check", "--project", str(project(tmp_path / "p", catalog, sources))]) == code
    printed = capsys.readouterr().err
    assert all(sentence in printed for sentence in said)
    assert ("CH247" in printed) is bool(said)
