"""A project's sources, opened for one command and closed after it. Opening connects to nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from app.project import Project
from app.secrets import SecretError, resolve, resolve_options
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source as open_any
from schema.catalog import Source

_NOWHERE = {
    "bigquery": "bigquery://nowhere/none",
    "feast": "http://localhost",
    "mlflow": "http://localhost",
    "open_inference": "http://localhost",
    "postgres": "postgresql://nobody@localhost/none",
    "redis": "redis://localhost",
    "vertex": "http://localhost/:predict",
}
"""Where a source is taken to be while its URL is a secret that is not at hand."""


class SourceError(Exception):
    """A source cannot be opened. The sentence names it and what to set, never a secret."""


@asynccontextmanager
async def opened(project: Project, live: bool = True) -> AsyncIterator[dict[str, Opened]]:
    """The sources by name. Without ``live`` they are only asked how they spell SQL, and what they could answer for, so
    that a secret that is not at hand here mostly does not matter. Raises SourceError."""
    backends: dict[str, Opened] = {}
    try:
        for source in project.catalog.sources.values():
            backends[source.name] = open_source(source, project.root, live)
        yield backends
    finally:
        for backend in backends.values():
            await backend.close()


def open_source(source: Source, root: Path, live: bool = True) -> Opened:
    """One source. Raises SourceError."""
    try:
        url, options = _revealed(source, root) if live else _at_hand(source, root)
        return open_any(replace(source, options=options), url, root)
    except (SecretError, ValueError) as error:
        raise SourceError(f"Source '{source.name}': {error}") from None


def _revealed(source: Source, root: Path) -> tuple[str, Mapping[str, object]]:
    return resolve(source.url, root), {name: resolve_options(value, root) for name, value in source.options.items()}


def _at_hand(source: Source, root: Path) -> tuple[str, Mapping[str, object]]:
    """The URL and options without secrets that are not at hand. Raises SecretError where the kind needs its URL."""
    options: dict[str, object] = {}
    for name, value in source.options.items():
        with suppress(SecretError):
            options[name] = resolve_options(value, root)
    try:
        return resolve(source.url, root), options
    except SecretError:
        if source.kind not in _NOWHERE:
            raise
        return _NOWHERE[source.kind], options
