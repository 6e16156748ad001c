"""``customhouse partner kit``: write what a partner is handed into a folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.project import Project, load_project
from app.steward.kit import FILES, FOLDER, NoPartner, kit
from schema.errors import LoadErrors
from schema.names import did_you_mean


def add(parts: Commands) -> None:
    """Declare the part; ``run_part`` runs it."""
    parser = parts.add_parser(
        "kit", help="write what a partner needs to ask: documents, schema, OpenAPI, limits, samples"
    )
    add_project(parser)
    parser.add_argument("name", metavar="NAME", help="the partner")
    parser.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one that has partners)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder: new, empty or an older kit")
    parser.add_argument("--url", metavar="URL", help="where the partner reaches the zone, such as https://data.example")
    parser.set_defaults(run_part=run)


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        files = kit(project, _zone(project, args.zone), args.name, args.url)
        write(args.out, files)
    except LoadErrors as errors:
        return say_errors(errors)
    except NoPartner as error:
        say(f"CH339 {error}")
        return 2
    except FolderError as error:
        say(f"CH340 {error}")
        return 1
    for name, content in sorted(files.items()):
        print(f"{len(content):>9,}  {args.out / name}")
    return 0


def _zone(project: Project, named: str | None) -> str:
    having = [name for name, zone in project.catalog.zones.items() if zone.partners]
    zone = named or (having[0] if len(having) == 1 else None)
    if zone is None:
        raise NoPartner(f"Say which zone: --zone {' | '.join(having) or 'NAME'}.")
    if zone not in having:
        hint = did_you_mean(zone, having) or f"There are: {', '.join(having) or 'none'}."
        raise NoPartner(f"There is no zone '{zone}' with partners. {hint}")
    return zone


class FolderError(Exception):
    """The kit cannot be written there. The sentence says why."""


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put the files there, in place of an older kit's. Raises FolderError."""
    try:
        if folder.exists():
            stale = _own(folder) - files.keys()
            for name in stale:
                (folder / name).unlink()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / "requests.sh").chmod(0o755)
    except OSError as error:
        raise FolderError(f"{folder} cannot be written: {error.strerror}.") from None


def _own(folder: Path) -> set[str]:
    """The files that are there, all of them a kit's: whatever else lies there is not ours to remove."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is no folder.")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    others = sorted(name for name in found if not _is_ours(name))
    if others:
        raise FolderError(
            f"{folder} holds other files, such as {others[0]}. Name a new folder, or one with a kit alone."
        )
    return found


def _is_ours(name: str) -> bool:
    path = Path(name)
    return name in FILES or (path.parent == Path(FOLDER) and path.suffix == ".graphql")
