"""A project's sources, opened for one command and closed after it. Opening connects to nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from app.project import Project
from app.secrets import SecretError, resolve, resolve_options
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source as open_any
from schema.catalog import Source

_NOWHERE = "postgresql://nobody@localhost/none"


class SourceError(Exception):
    """A source cannot be opened. The sentence names it and what to set, never a secret."""


@asynccontextmanager
async def opened(project: Project, live: bool = True) -> AsyncIterator[dict[str, Opened]]:
    """The sources by name. Without ``live`` they are only asked how they spell SQL, so a secret that is not at hand
    here does not matter where the kind alone decides that. Raises SourceError."""
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
        url = resolve(source.url, root)
        options = resolve_options(dict(source.options), root)
    except SecretError as error:
        if live or source.kind != "postgres":
            raise SourceError(f"Source '{source.name}': {error}") from None
        url, options = _NOWHERE, {}
    try:
        return open_any(replace(source, options=options if isinstance(options, dict) else {}), url, root)
    except ValueError as error:
        raise SourceError(f"Source '{source.name}': {error}") from None
