"""Loaded: what a process keeps of a project, which is what the zones that it serves need, and nothing else.

A project is read as a whole, since its files say everything together; as soon as it has been read it is cut, and the
whole is let go. So a process of partners holds no name of what it does not serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.assemble import StartError
from app.doors import Door
from app.project import Project
from policies.predicate_text import forget


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
    forget()
    return Loaded(
        project.root,
        project.fingerprint,
        project.catalog.version,
        project.policies.version,
        {door.zone: project.seen_in(door.zone) for door in doors},
    )
