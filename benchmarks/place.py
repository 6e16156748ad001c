"""Where the benchmark keeps what it makes, and which addresses it uses. Loopback only."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
PROJECT = Path(__file__).parent / "tpch"
RUN = ROOT / ".run" / "bench"
DEFAULT_DSN = "postgresql://postgres@127.0.0.1:55432/bench"
SERVE_PORT = 8010
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Missing(Exception):
    """Something the benchmark needs is not there. The sentence says what to do."""


def dsn() -> str:
    """The database with TPC-H's tables: BENCH_DSN, else the benchmark's own. On this machine only."""
    said = os.environ.get("BENCH_DSN") or DEFAULT_DSN
    if urlsplit(said).hostname not in LOOPBACK:
        raise Missing("BENCH_DSN names another machine; the benchmark loads this one only. Use 127.0.0.1.")
    return said


def warehouse() -> Path:
    """The same tables as a DuckDB file."""
    return RUN / "tpch.duckdb"


def run_folder() -> Path:
    RUN.mkdir(parents=True, exist_ok=True)
    return RUN
