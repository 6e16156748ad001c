"""Read the policy files of a project: one tree per file, shapes checked, every item of every section with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from schema.errors import LoadError, Place
from schema.load_shape import ListOf, Shape, check
from schema.load_shapes_policies import POLICIES
from schema.yaml_source import Entries, Items, read_yaml

SECTIONS: Mapping[str, Shape] = {name: key.shape for name, key in POLICIES.keys.items()}


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The items of each section, in the order of files (by name) and lines. ``version`` is a digest of the bytes."""

    version: str
    sections: Mapping[str, tuple[Entries, ...]]


def read_policy_files(project: Path, errors: list[LoadError]) -> PolicyFiles:
    """Read ``policies/**/*.yaml``. Faults go to ``errors``; items that have the wrong shape are left out."""
    digest = hashlib.sha256()
    found: dict[str, list[Entries]] = {name: [] for name in SECTIONS}
    for path, name in _files(project):
        if path.suffix == ".yml":
            sentence = "Policy files end in .yaml: under this name the rules in it would never apply."
            errors.append(LoadError(Place(name), "CH401", sentence, "Rename the file."))
            continue
        try:
            data = path.read_bytes()
        except OSError:
            errors.append(LoadError(Place(name), "CH401", "The file cannot be read.", "Is it readable by this user?"))
            continue
        digest.update(f"{name}\x00{len(data)}\x00".encode())
        digest.update(data)
        tree = read_yaml(data, name, errors)
        for section, item in _items(tree, errors):
            found[section].append(item)
    return PolicyFiles(digest.hexdigest(), {name: tuple(items) for name, items in found.items()})


def _files(project: Path) -> Iterator[tuple[Path, str]]:
    folder = project / "policies"
    paths = {path for ending in ("*.yaml", "*.yml") for path in folder.rglob(ending) if path.is_file()}
    for path in sorted(paths):
        yield path, path.relative_to(project).as_posix()


def _items(tree: object, errors: list[LoadError]) -> Iterator[tuple[str, Entries]]:
    """The items whose shape is right; one wrong item does not keep the others from being checked."""
    if not isinstance(tree, Entries):
        place = getattr(tree, "place", Place("policies"))
        errors.append(
            LoadError(place, "CH401", "A policy file is a mapping of sections.", f"Sections: {', '.join(SECTIONS)}.")
        )
        return
    others = Entries(tree.place, {name: entry for name, entry in tree.entries.items() if name not in SECTIONS})
    check(others, POLICIES, "", errors)
    for section, shape in SECTIONS.items():
        node = tree.get(section)
        if isinstance(node, Items) and isinstance(shape, ListOf):
            for at, item in enumerate(node.items):
                wrong: list[LoadError] = []
                check(item, shape.item, f"{section}[{at}]", wrong)
                errors.extend(wrong)
                if not wrong and isinstance(item, Entries):
                    yield section, item
        elif node is not None:
            check(node, shape, section, errors)
