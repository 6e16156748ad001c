"""The one place that names what the gateway is made of: engine, back ends, secrets, dictionary and explanations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from app.project import Project, load_project
from app.secrets import SecretError, resolve, resolve_options
from app.serving import Answering, Serving
from app.settings import StartError
from app.steward.decisions import decisions, now, states
from app.steward.explain import explain_json
from app.work import Parts
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source as open_any
from resolvers.engine import Engine
from resolvers.observe import SILENT, Observer
from resolvers.operation import Before, Operation
from resolvers.results.kept import Kept
from schema.caller import Caller
from schema.catalog import Source
from schema.dictionary import dictionary


def reveal_source(source: Source, root: Path) -> Source:
    """The source with its secrets in place of their references. Raises StartError."""
    try:
        options = resolve_options(dict(source.options), root)
        return replace(source, url=resolve(source.url, root), options=cast(dict[str, object], options))
    except SecretError as error:
        raise StartError(f"Source '{source.name}': {error}") from None


def open_source(source: Source, root: Path, observer: Observer = SILENT) -> Opened:
    """The back end of a source whose secrets are revealed. Raises StartError."""
    try:
        return open_any(source, source.url, root, observer)
    except ValueError as error:
        raise StartError(f"CH332 Source '{source.name}': {error}.") from None


def make_engine(
    project: Project,
    zone: str,
    backends: Mapping[str, Opened],
    keys: Mapping[str, bytes],
    observer: Observer,
    kept: Kept | None,
) -> Answering:
    return Engine(project.catalog, project.policies, zone, backends, keys, observer=observer, kept=kept)


def tell_dictionary(serving: Serving, caller: Caller) -> object:
    """The data dictionary as this caller may know it."""
    catalog, zone = serving.project.catalog, serving.zone.name
    found = decisions(catalog, serving.project.policies, caller, now(catalog, zone))
    return dictionary(catalog, zone, serving.engine.visible(caller), states(found))


async def tell_why(serving: Serving, operation: Operation, caller: Caller, before: Before) -> object:
    """Why an operation answers as it does. Raises Refusal or Refusals."""
    engine = serving.engine
    if not isinstance(engine, Engine):
        raise TypeError("only the engine can explain itself")
    prepared = await asyncio.to_thread(engine.prepare, operation, caller)
    await before(prepared.ready.account, prepared.cost)
    return await asyncio.to_thread(explain_json, engine, operation, caller)


PARTS = Parts(load_project, reveal_source, open_source, make_engine, tell_dictionary, tell_why)
