"""The shop of these tests, with its documents registered, and gateways over it that tell which texts they parsed."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from app.cli import main
from tests.app.process import ROOT, Process

HERE = Path(__file__).parent
RECORDING = str(Path("tests/documents/recording.py"))


def shop(at: Path) -> Path:
    """A copy of the project, with its database; nothing is registered."""
    project = Path(shutil.copytree(HERE / "house", at / "shop"))
    with duckdb.connect(str(project / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, region VARCHAR, email VARCHAR)")
        connection.execute("INSERT INTO orders VALUES (1, 'north', 'a@x.example'), (2, 'south', 'b@x.example')")
    return project


def command(project: Path, *args: str) -> tuple[int, str]:
    """A command's exit code, and all that it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = main([*args, "--project", str(project)])
    return code, out.getvalue()


def registered(project: Path) -> dict[str, str]:
    """Register all documents; their hashes by name."""
    found = {}
    for zone in ("internal", "closed"):
        code, printed = command(project, "documents", "add", "--zone", zone)
        assert code == 0, printed
        found |= {line.split()[1].rstrip(":"): line[7:71] for line in printed.splitlines()}
    return found


def serve(project: Path, zone: str, parsed: Path) -> Process:
    """A gateway that writes every text it parses to a file, one a line in JSON."""
    return Process([str(ROOT / RECORDING), str(parsed), str(project), zone], {"CUSTOMHOUSE_EXPLAIN": "roles:auditor"})


def parsed_texts(parsed: Path) -> list[str]:
    return [json.loads(line) for line in parsed.read_text(encoding="utf-8").splitlines()]


def bearer(project: Path, persona: str = "auditor") -> Mapping[str, str]:
    code, printed = command(project, "token", "--as", persona)
    assert code == 0, printed
    return {"Authorization": f"Bearer {printed.strip()}"}
