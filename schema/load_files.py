"""The files of a project: which there are, their bytes read once, and a digest over them.

Names are relative to the project with forward slashes. Hidden files and folders are passed over: a mounted volume keeps
second copies there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from schema.errors import LoadError, Place
from schema.load_shape import clip

BASE = "customhouse.yaml"


def overlay_name(environment: str) -> str:
    return f"customhouse.{environment}.yaml"


def settings_files(project: Path, environment: str | None, errors: list[LoadError]) -> dict[str, bytes]:
    """The base file and the overlay of the environment. CH201 where one of them is missing."""
    found = {}
    base = _bytes(project, BASE, errors)
    if base is not None:
        found[BASE] = base
    elif not (project / BASE).exists():
        hint = "Point to the directory that holds it, or make one with 'customhouse init'."
        errors.append(LoadError(Place(BASE), "CH201", "There is no customhouse.yaml in the project.", hint))
    if environment is not None and (overlay := _overlay(project, environment, errors)) is not None:
        found[overlay_name(environment)] = overlay
    return found


def _overlay(project: Path, environment: str, errors: list[LoadError]) -> bytes | None:
    name = overlay_name(environment)
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", environment) and (project / name).exists():
        return _bytes(project, name, errors)
    known = sorted(path.name.split(".")[1] for path in project.glob("customhouse.*.yaml"))
    hint = f"Environments with a file: {', '.join(known)}." if known else f"Make {name}, or name no environment."
    sentence = f"There is no overlay for the environment '{clip(environment)}'."
    errors.append(LoadError(Place(BASE), "CH201", sentence, hint))
    return None


def yaml_files(project: Path, folder: str, errors: list[LoadError]) -> dict[str, bytes]:
    """All ``*.yaml`` files of a folder and those below it, in order of their names."""
    found = {}
    for path in sorted((project / folder).rglob("*")):
        name = path.relative_to(project).as_posix()
        if any(part.startswith(".") for part in path.relative_to(project).parts) or not path.is_file():
            continue
        if path.suffix == ".yml":
            hint = f"Rename it to {path.stem}.yaml, or move it out of {folder}/."
            errors.append(LoadError(Place(name), "CH201", "Only files named *.yaml are read.", hint))
        elif path.suffix == ".yaml" and (data := _bytes(project, name, errors)) is not None:
            found[name] = data
    return found


def _bytes(project: Path, name: str, errors: list[LoadError]) -> bytes | None:
    try:
        return (project / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        reason = fault.strerror or "it cannot be opened"
        errors.append(LoadError(Place(name), "CH201", f"The file cannot be read: {reason}.", "Check its permissions."))
        return None


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in order of the names; hexadecimal."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(len(name.encode()).to_bytes(4, "big") + name.encode() + hashlib.sha256(files[name]).digest())
    return whole.hexdigest()


def digest_files(project: Path, environment: str | None) -> str:
    """A digest of all that a project's catalog and policies are read from: settings, overlay, catalog/, policies/.

    Missing and unreadable files count as absent, so that a watcher may call it at any moment.
    """
    ignored: list[LoadError] = []
    files = settings_files(project, environment, ignored)
    for folder in ("catalog", "policies"):
        files |= yaml_files(project, folder, ignored)
    return digest(files)
