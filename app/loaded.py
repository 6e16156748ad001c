"""Loaded: what a process keeps of a project, which is what the zones that it serves need, and nothing else.

A project is read as a whole, since its files say everything together; then it is cut. Both are done apart
(`app.apart`), so a process of partners never had a name in its memory of what it does not serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.doors import Door, doors_of
from app.project import Project
from app.settings import Settings, StartError

Read = Callable[[Path, str | None], Project]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of the project, by zone as much as it needs. ``fingerprint``, ``catalog`` and ``policies`` are the
    whole project's: of its files, and the versions of its parts."""

    root: Path
    fingerprint: str
    catalog: str
    policies: str
    zones: Mapping[str, Project]


def cut(project: Project, doors: Sequence[Door]) -> Loaded:
    """What is kept. Raises StartError CH336 where a zone is not what it was when its door was opened."""
    for door in doors:
        zone = project.catalog.zones.get(door.zone)
        if zone is None:
            raise StartError(
                f"CH336 Zone '{door.zone}' is served here, and the new files have it no more. Start the process "
                "without it, or put it back."
            )
        if (zone.restricted, zone.master_key) != (door.restricted, door.master_key):
            raise StartError(
                f"CH336 Zone '{door.zone}' has another exposure or master key in the new files than the one it was "
                "started with. Start the process anew."
            )
    return Loaded(
        project.root,
        project.fingerprint,
        project.catalog.version,
        project.policies.version,
        {door.zone: project.seen_in(door.zone) for door in doors},
    )


def read(load: Read, root: Path, environment: str | None, doors: Sequence[Door]) -> Loaded:
    """Load a project, and cut it for doors that are open. Raises LoadErrors, StartError."""
    return cut(load(root, environment), doors)


def read_first(load: Read, settings: Settings, zones: Sequence[str]) -> tuple[Loaded, tuple[Door, ...]]:
    """Load a project, find the doors of the process, and cut it for them. Raises LoadErrors, StartError."""
    project = load(settings.project, settings.environment)
    made = doors_of(project.catalog.zones, zones, settings)
    return cut(project, made), made
