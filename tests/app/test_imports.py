"""A server process holds what its sources need and no more: drivers and clouds cost memory and seconds of start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.app.process import ROOT

_ALL = {
    "boto3",
    "botocore",
    "google",
    "sqlalchemy",
    "duckdb",
    "asyncpg",
    "aiocache",
    "limits",
    "prometheus_client",
    "pymysql",
    "pyarrow",
}
_SERVE = "import app.cli.serve, sys; from pathlib import Path; from schema.catalog import Place, Source; "
_OPEN = "from app.parts import open_source; open_source(Source('s', {kind!r}, {url!r}, Place('x')), Path()); "


def imported(statements: str) -> set[str]:
    tell = "print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", _SERVE + statements + tell], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split()) & _ALL


def test_before_any_source() -> None:
    assert imported("") == set()


@pytest.mark.parametrize(
    ("kind", "url", "wanted"),
    [
        ("duckdb", "duckdb:///x.duckdb", {"duckdb"}),
        ("postgres", "postgresql://u:p@127.0.0.1/d", {"asyncpg"}),
        ("sqlalchemy", "sqlite:///x.sqlite", {"sqlalchemy"}),
        ("redis", "redis://127.0.0.1", set()),
        ("dynamodb", "http://127.0.0.1:1", {"botocore"}),
    ],
)
def test_one_source(kind: str, url: str, wanted: set[str]) -> None:
    assert imported(_OPEN.format(kind=kind, url=url)) == wanted


def test_choosing_the_format_of_an_answer() -> None:
    """Arrow is for those who ask in SQL: a writer brings it, not the choice of one."""
    assert imported("import app.http.media_sql; ") == set()


def test_loading_a_project() -> None:
    assert imported("from app.parts import PARTS; PARTS.load(Path('examples/flights'), 'dev'); ") == set()
