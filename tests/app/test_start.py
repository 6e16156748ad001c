"""What a gateway refuses to start with, and the keys it makes for itself on a developer's machine."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from app.assemble import Assembler
from app.doors import Door, refuse_unsafe
from app.http.page import STATIC, asset, page
from app.keyring import USES, KeyringError, keyring
from app.loaded import Loaded, cut
from app.metrics.metrics import Metrics
from app.metrics.sheet import sheets
from app.project import load_project
from app.reload import Reloader
from app.settings import HOST, PORT, VARIABLES, SettingError, Settings, StartError, read_settings
from app.shared import Shared
from resolvers.observe import SILENT
from schema.errors import LoadErrors
from tests.app.conftest import MASTER, write_project


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "10.0.0.1", "", "localhost.example", "128.0.0.1"])
def test_development_keys_stay_on_loopback(host: str) -> None:
    with pytest.raises(StartError, match="CH330"):
        refuse_unsafe(Settings(Path(), dev_keys=True), [Door("internal", "127.0.0.1", 0), Door("partner", host, 0)])
    refuse_unsafe(Settings(Path()), [Door("partner", host, 0)])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_development_keys_on_loopback(host: str) -> None:
    refuse_unsafe(Settings(Path(), dev_keys=True), [Door("internal", host, 0)])
    with pytest.raises(StartError, match="CH330"):
        refuse_unsafe(Settings(Path(), dev_keys=True, environment="prod"), [Door("internal", host, 0)])


def test_keys_differ_by_zone_use_and_master(tmp_path: Path) -> None:
    found = set()
    for zone in ("internal", "partner"):
        for master in (MASTER, base64.b64encode(b"another" * 5).decode()):
            keys = keyring(zone, {"CUSTOMHOUSE_MASTER_KEY": master}, tmp_path, False)
            assert {use: len(key) for use, key in keys.items()} == USES
            found |= set(keys.values())
            assert keys == keyring(zone, {"CUSTOMHOUSE_MASTER_KEY": master}, tmp_path, False)
    assert len(found) == 4 * len(USES)
    own = {"CUSTOMHOUSE_MASTER_KEY": "nonsense", "CUSTOMHOUSE_MASTER_KEY_DATA_ROOM": MASTER}
    assert keyring("data-room", own, tmp_path, False)


def test_a_master_key_by_reference(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(MASTER + "\n")
    by_file = keyring("z", {"CUSTOMHOUSE_MASTER_KEY": "secret:file:master"}, tmp_path, False)
    assert by_file == keyring("z", {"CUSTOMHOUSE_MASTER_KEY": MASTER}, tmp_path, False)


def test_a_zone_alone_never_has_the_common_master_key(tmp_path: Path) -> None:
    both = {"CUSTOMHOUSE_MASTER_KEY": MASTER, "CUSTOMHOUSE_MASTER_KEY_Z": base64.b64encode(b"another" * 5).decode()}
    (tmp_path / "own").write_text(both["CUSTOMHOUSE_MASTER_KEY_Z"])
    own = keyring("z", both, tmp_path, False, alone=True)
    assert own == keyring("z", {}, tmp_path, False, "secret:file:own", alone=True)
    assert own != keyring("z", {"CUSTOMHOUSE_MASTER_KEY": MASTER}, tmp_path, False)
    for said in ({"CUSTOMHOUSE_MASTER_KEY": MASTER}, {**both, "CUSTOMHOUSE_MASTER_KEY_Z": MASTER}):
        with pytest.raises(KeyringError, match="CUSTOMHOUSE_MASTER_KEY_Z"):
            keyring("z", said, tmp_path, False, alone=True)
    assert keyring("z", {}, tmp_path, True, alone=True) != keyring("z", {}, tmp_path, True)


@pytest.mark.parametrize(
    "said", [{}, *({"CUSTOMHOUSE_MASTER_KEY": text} for text in ("", "c2hvcnQ=", "hush, secret", "secret:file:absent"))]
)
def test_no_master_key(said: Mapping[str, str], tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="CH331") as error:
        keyring("internal", said, tmp_path, False)
    assert "hush" not in str(error.value)


def test_a_development_master_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = keyring("internal", {}, tmp_path, True)
    assert keyring("internal", {}, tmp_path, True) == first
    path = tmp_path / ".run" / "master.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".run" / ".gitignore").read_text() == "*\n"
    assert [file.name for file in (tmp_path / ".run").iterdir() if file.name not in ("master.key", ".gitignore")] == []


def assembler(zone: str, dev_keys: bool = False) -> Assembler:
    def never(*_: object) -> NoReturn:
        raise AssertionError

    return Assembler(Settings(Path(), dev_keys=dev_keys), zone, {"log": b"k"}, never, never, never, SILENT)


async def test_zones_and_issuers_that_cannot_be_served(tmp_path: Path) -> None:
    project = load_project(write_project(tmp_path / "p", "https://issuer.example"))
    with pytest.raises(StartError, match=r"CH332.*internal"):
        await assembler("partner").assemble(project)
    catalog = project.catalog
    local = replace(catalog.issuers["test"], oidc=False, development=True)
    development = replace(project, catalog=replace(catalog, issuers={"test": local}))
    with pytest.raises(StartError, match=r"CH332.*--dev-keys"):
        await assembler("internal").assemble(development)


@pytest.mark.parametrize(
    "said",
    [
        {"PORT": "http"},
        {"PORT": "70000"},
        {"PORT": "-1"},
        {"CUSTOMHOUSE_LOG_LEVEL": "loud"},
        {"CUSTOMHOUSE_STATUS_PROFILE": "2026"},
        {"CUSTOMHOUSE_SERVER_TIMING": "yes"},
        {"CUSTOMHOUSE_EXPLAIN": "platform"},
        {"CUSTOMHOUSE_KEYS_REFRESH": "3600"},
        {"CUSTOMHOUSE_KEYS_REFRESH": "nan"},
        {"CUSTOMHOUSE_RELOAD_EVERY": "60"},
        {"CUSTOMHOUSE_CACHE_BYTES": "64 MiB"},
        {"CUSTOMHOUSE_CACHE_BYTES": "-1"},
        {"CUSTOMHOUSE_CACHE_BYTES": "1e9"},
        {"CUSTOMHOUSE_CACHE_URL": "http://:hunter2@cache"},
        {"CUSTOMHOUSE_CACHE_URL": "cache:6379"},
        *({"CUSTOMHOUSE_WORKERS": text} for text in ("0", "65", "1.5", "two", "-1")),
        *({"CUSTOMHOUSE_ADMIN": text} for text in ("9000", ":9000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000")),
    ],
)
def test_settings_that_cannot_be_meant(said: Mapping[str, str]) -> None:
    name = next(iter(said))
    with pytest.raises(SettingError, match=name) as caught:
        read_settings(said)
    assert "hunter2" not in str(caught.value)
    assert name in VARIABLES


def test_settings_by_default_are_the_documented_ones() -> None:
    settings = read_settings({})
    assert (HOST, PORT, settings.dev_keys, settings.explain) == ("127.0.0.1", 8000, False, None)
    assert settings == Settings(Path())


async def test_shared_things_are_closed_by_their_last_user() -> None:
    closed = []

    class Thing:
        async def close(self) -> None:
            closed.append(self)

    shared: Shared[Thing] = Shared()
    first = shared.take("a", Thing)
    assert shared.take("a", Thing) is first
    assert shared.take("b", Thing) is not first
    await shared.release("a")
    assert closed == []
    await shared.release("a")
    assert closed == [first]
    assert shared.take("a", Thing) is not first


async def test_what_makes_a_reload(tmp_path: Path) -> None:
    """A file touched or written as it was is no change; a signal loads in any case; a bad file is tried once."""
    root = write_project(tmp_path / "p", "https://issuer.example")
    loaded: list[bool] = []

    def load() -> Loaded:
        loaded.append(True)
        raise LoadErrors([])

    reloader = Reloader([], root, load, 1.0, Metrics(sheets(1)[0]))
    await reloader.start(cut(load_project(root), []))
    settings = root / "customhouse.yaml"
    await reloader.look(False)
    settings.write_text(settings.read_text())
    settings.touch()
    await reloader.look(False)
    assert loaded == []
    await reloader.look(True)
    assert len(loaded) == 1
    for file in (settings, root / "policies" / "new.yaml", root / "catalog" / "deep" / "new.yaml"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.read_text() + "# more\n" if file.exists() else "{}\n")
        before = len(loaded)
        await reloader.look(False)
        await reloader.look(False)
        assert len(loaded) == before + 1


def test_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GraphiQL is served when its files are there, and only the files we know by name; no page loads from elsewhere."""
    monkeypatch.setattr("app.http.page.GRAPHIQL", tmp_path)
    assert b"GRAPHIQL" not in page()
    assert asset("graphiql.min.js") is None
    (tmp_path / "graphiql.min.js").write_text("1")
    (tmp_path / "other.js").write_text("2")
    assert b"start.js" in page()
    assert asset("graphiql.min.js") == (b"1", "text/javascript; charset=utf-8")
    for name in ("other.js", "../index.html", "start.js/..", ""):
        assert asset(name) is None
    assert asset("start.js") is not None
    for path in STATIC.glob("*.html"):
        assert "//" not in path.read_text()
