"""Init: from a database's own description of itself to a first project, which loads and grants nothing.

A URL that names a host is written as a reference to an environment variable, since it may hold a password.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.project import load_project
from app.secrets import SecretError, resolve
from app.steward.init_draft import Draft, draft
from app.steward.init_names import logical
from app.steward.init_write import files
from resolvers.backends.backend import TableInfo
from resolvers.backends.registry import open_backend
from schema.catalog import Source
from schema.errors import Place

Kind = Literal["bigquery", "duckdb", "postgres", "sqlalchemy"]


class InitError(Exception):
    """A first project cannot be made. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Started:
    """What was made. ``variable`` must hold the source's URL before the project is served; None where it is a file."""

    draft: Draft
    files: tuple[str, ...]
    variable: str | None


async def init(url: str, out: Path, domain: str | None = None) -> Started:
    """Make a first project in ``out``, which must not hold one. ``url`` may be a secret reference.

    Raises InitError, and `Refusal` where the source is down.
    """
    if (out / "customhouse.yaml").exists() or (out / "catalog").exists() or (out / "policies").exists():
        raise InitError(f"CH246 {out} holds a project already. Choose another directory with --out.")
    try:
        revealed = resolve(url, out)
    except SecretError as error:
        raise InitError(str(error)) from None
    source, variable = read_url(revealed, out)
    if url.startswith("secret:"):
        source, variable = replace(source, url=url), None
    remote = source.url.startswith("secret:")
    tables = await _describe(replace(source, url=revealed if remote else source.url), out)
    if not tables:
        raise InitError("CH245 The source has no tables that this account may read.")
    made = draft(tables, domain or source.name.replace("-", "_"))
    written = files(made, source)
    for name, text in written.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    load_project(out)
    return Started(made, tuple(written), variable)


def read_url(url: str, out: Path) -> tuple[Source, str | None]:
    """The source a URL means, as it is written into settings, and the environment variable that must hold it."""
    kind = _kind(url)
    scheme, _, rest = url.partition("://")
    if kind == "duckdb" or scheme.partition("+")[0] == "sqlite":
        file = rest.removeprefix("/") if rest else url.removeprefix("duckdb:")
        path = Path(file)
        name = logical(path.stem, "source")
        relative = Path(os.path.relpath(path, out)).as_posix() if path.is_absolute() or path.exists() else file
        return Source(name, kind, relative if kind == "duckdb" else f"sqlite:///{relative}", Place("")), None
    place = rest.partition("?")[0]
    database = place.rpartition("/")[2] if "/" in place else ""
    name = logical(database, "source")
    variable = f"{name.upper()}_URL"
    return Source(name, kind, f"secret:env:{variable}", Place("")), variable


def _kind(url: str) -> Kind:
    scheme, mark, _ = url.partition("://")
    if url.startswith("duckdb:") or (not mark and url.endswith((".duckdb", ".ddb", ".db"))):
        return "duckdb"
    if not mark:
        raise InitError(
            "CH245 A source is a URL such as duckdb:///data/x.duckdb, sqlite:///x.sqlite, "
            "postgresql://user:password@host/database, mysql+pymysql://user:password@host/database or "
            "bigquery://project/dataset."
        )
    if scheme == "bigquery":
        return "bigquery"
    return "postgres" if scheme.partition("+")[0] in ("postgres", "postgresql") else "sqlalchemy"


async def _describe(source: Source, out: Path) -> list[TableInfo]:
    try:
        backend = open_backend(source, source.url, out)
    except ValueError as error:
        raise InitError(f"CH245 The source cannot be opened: {error}.") from None
    try:
        return await backend.describe()
    finally:
        await backend.close()
