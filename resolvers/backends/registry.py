"""Registry: from a catalog's source to its back end. Drivers are imported when a source needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resolvers.backends.backend import Backend
from resolvers.backends.keyed.registry import open_guarded
from resolvers.backends.opened import Opened
from resolvers.observe import SILENT, Observer
from schema.catalog import Source

Opener = Callable[[Source, str, Path], Backend]


def open_source(source: Source, url: str, project: Path, observer: Observer = SILENT) -> Opened:
    """What answers for a source of either sort, as `open_backend` and `open_guarded` say."""
    return open_guarded(source, url, project, observer) if source.keyed else open_backend(source, url, project)


def open_backend(source: Source, url: str, project: Path) -> Backend:
    """The back end of a source. ``url`` has its secrets resolved; relative paths are the project's.

    Connects to nothing: a source that is down answers CH501 until it is up. Raises ValueError with a sentence for a
    kind, URL or option that has no meaning.
    """
    opener = _OPENERS.get(source.kind)
    if opener is None:
        raise ValueError(f"no back end for kind '{source.kind}'; there are {', '.join(sorted(_OPENERS))}")
    return opener(source, url, project)


def _duckdb(source: Source, url: str, project: Path) -> Backend:
    from resolvers.backends.duckdb import DuckDB

    path = url.removeprefix("duckdb:///").removeprefix("duckdb:")
    if not path or path == ":memory:":
        raise ValueError("a duckdb source names a database file, which is opened read-only")
    return DuckDB(source, project / path)


def _postgres(source: Source, url: str, project: Path) -> Backend:
    from resolvers.backends.postgres import Postgres

    scheme, mark, rest = url.partition("://")
    if not mark or scheme.partition("+")[0] not in ("postgres", "postgresql"):
        raise ValueError("a postgres source has a URL like postgresql://user:password@host:5432/database")
    return Postgres(source, f"postgresql://{rest}")


def _sqlalchemy(source: Source, url: str, project: Path) -> Backend:
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    from resolvers.backends.engine_ways import ways
    from resolvers.backends.generic import Generic

    try:
        return Generic(source, ways(source, url, project))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ValueError("an sqlalchemy source has a URL like mysql+pymysql://user:password@host/database") from error


def _bigquery(source: Source, url: str, project: Path) -> Backend:
    from resolvers.backends.bigquery import BigQuery
    from resolvers.backends.bigquery_settings import settings

    return BigQuery(source, settings(source, url))


_OPENERS: dict[str, Opener] = {
    "bigquery": _bigquery,
    "duckdb": _duckdb,
    "postgres": _postgres,
    "sqlalchemy": _sqlalchemy,
}
