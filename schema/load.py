"""Load: a project's YAML to a Catalog, with everything wrong in it found in one go.

1. Read customhouse.yaml, the overlay of the environment over it, and catalog/**/*.yaml; every value keeps its place.
2. Check the shape of each file (`schema.load_shape`): keys, kinds, forms.
3. Read settings and products from what has the right shape, checking what names refer to.
4. Check what only the whole shows: GraphQL names that collide, what zones publish.
5. Raise LoadErrors with all that was found, or give a frozen Catalog.

Does not promise: that sources are there or have these tables (`check --live`), that the steward's SQL uses allowed
constructs only (`policies.load`), or that secrets resolve (`app.secrets`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schema.catalog import Catalog
from schema.errors import LoadError, LoadErrors, Place
from schema.load_files import BASE, digest, digest_files, overlay_name, settings_files, yaml_files
from schema.load_names import collisions
from schema.load_products import read_products
from schema.load_settings import overlay, read_settings
from schema.load_shape import check
from schema.load_shapes import CATALOG, SETTINGS
from schema.load_zones import check_published
from schema.yaml_source import Entries, Node, read_yaml

__all__ = ["digest_files", "load_catalog"]


def load_catalog(project: Path, environment: str | None = None) -> Catalog:
    """Read a project's catalog for an environment (None: the base file alone).

    ``version`` is a digest of the names and contents of the files read, policies left out (`digest_files` takes all).
    Raises LoadErrors with every error, and nothing else.
    """
    with _unswept():
        return _load(project, environment)


@contextmanager
def _unswept() -> Iterator[None]:
    """Hold the garbage collector back: these trees have no cycles, and looking for some takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _load(project: Path, environment: str | None) -> Catalog:
    errors: list[LoadError] = []
    files = settings_files(project, environment, errors)
    settings = _settings(files, environment, errors)
    catalog_files = yaml_files(project, "catalog", errors)
    parts = [read_yaml(data, name, errors) for name, data in catalog_files.items()]
    for part in parts:
        check(part, CATALOG, "", errors)
    read = read_settings(settings, errors)
    whole = [part for part in parts if isinstance(part, Entries)]
    domains, products = read_products(whole, read.sources, errors)
    catalog = Catalog(
        version=digest({**files, **catalog_files}),
        sources=read.sources,
        domains=domains,
        products=products,
        claims=read.claims,
        issuers=read.issuers,
        zones=read.zones,
    )
    errors += collisions(catalog)
    check_published(settings.map("zones"), products, errors)
    if errors:
        raise LoadErrors(_telling(errors))
    return catalog


def _telling(errors: list[LoadError]) -> list[LoadError]:
    """Each error once. While a file cannot be read, names that are not found say nothing: they may stand in it."""
    unread = any(error.code in ("CH201", "CH202") for error in errors)
    return [error for error in dict.fromkeys(errors) if not (unread and error.code == "CH210")]


def _settings(files: Mapping[str, bytes], environment: str | None, errors: list[LoadError]) -> Entries:
    """The merged settings. Where the base file cannot be read its shape is not judged: that would say nothing new."""
    base, above = files.get(BASE), files.get(overlay_name(environment)) if environment is not None else None
    before = len(errors)
    merged: Node = Entries(Place(BASE)) if base is None else read_yaml(base, BASE, errors)
    readable = base is not None and not any(error.code == "CH202" for error in errors[before:])
    if above is not None and environment is not None:
        merged = overlay(merged, read_yaml(above, overlay_name(environment), errors))
    if readable:
        check(merged, SETTINGS, "", errors)
    return merged if isinstance(merged, Entries) else Entries(merged.place)
