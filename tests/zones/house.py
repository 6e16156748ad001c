"""A small project with an internal zone and one of partners, laid out in a folder; a case changes parts of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import yaml

from app.project import Project, load_project
from schema.errors import LoadError
from schema.yaml_source import plain, read_yaml

Tree = dict[str, Any]
HOUSE = Path(__file__).parent / "house.yaml"


def house() -> Tree:
    """The files of the project as trees: settings, catalog, policies."""
    errors: list[LoadError] = []
    return cast(Tree, plain(read_yaml(HOUSE.read_bytes(), HOUSE.name, errors)))


def laid_out(folder: Path, changes: Mapping[str, object] | None = None) -> Path:
    """The project in a folder, with changes laid over it: mappings are merged, everything else replaces; None removes;
    a list under a key that ends in '+' is added to the one there."""
    tree = _merged(house(), changes or {})
    for name in ("catalog", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "all.yaml").write_text(yaml.safe_dump(tree[name], sort_keys=False), "utf-8")
    (folder / "customhouse.yaml").write_text(yaml.safe_dump(tree["settings"], sort_keys=False), "utf-8")
    return folder


def loaded(folder: Path, changes: Mapping[str, object] | None = None) -> Project:
    return load_project(laid_out(folder, changes))


def _merged(base: Tree, over: Mapping[str, object]) -> Tree:
    found = deepcopy(base)
    for key, value in over.items():
        if key.endswith("+") and isinstance(value, list):
            found[key[:-1]] = [*found.get(key[:-1], []), *value]
        elif value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(found.get(key), dict):
            found[key] = _merged(found[key], value)
        else:
            found[key] = value
    return found
