"""``customhouse documents``: which documents a zone answers: add, list, diff, remove."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.documents.cost import cost
from app.documents.diff import Kind, diff
from app.documents.folder import FOLDER, REGISTERED, sources
from app.documents.register import Outcome, register, remove
from app.documents.registry import Documents, Registered
from app.project import Project, load_project
from schema.errors import LoadErrors
from schema.graphql import View

_DONE: dict[Outcome, str] = {
    "added": "added",
    "changed": "changed, {before} stays answered",
    "bounds": "changed in its bounds or descriptions",
    "moved": "moved",
    "same": "as before",
}
_KINDS: dict[Kind, str] = {
    "added": "not registered",
    "changed": "changed since it was registered",
    "bounds": "changed in its bounds or descriptions",
    "moved": "moved",
    "removed": "registered, but not written any more",
    "invalid": "not valid",
}


def add(commands: Commands) -> None:
    parser = commands.add_parser("documents", help="the documents that a zone answers: add, list, diff, remove")
    parts = parser.add_subparsers(dest="part", metavar="COMMAND", required=True)
    for name, about in (
        ("add", "register documents; those that were registered otherwise stay answered by their old hash"),
        ("list", "print what is answered"),
        ("diff", "compare what is written with what is registered; exit code 1 where they differ"),
        ("remove", "answer a document no more"),
    ):
        part = parts.add_parser(name, help=about)
        add_project(part)
        part.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one with documents)")
        if name == "add":
            part.add_argument("files", nargs="*", type=Path, metavar="FILE", help="which (default: the zone's folder)")
        if name == "remove":
            part.add_argument("hashes", nargs="+", metavar="HASH", help="a hash, or eight digits that begin one")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env, documents=args.part == "list")
        zone = _zone(project, args.zone)
        if zone is None:
            return 2
        if args.part == "add":
            return _add(project, zone, args.files)
        if args.part == "list":
            return _list(project.documents.get(zone, Documents()), project.view(zone))
        return _diff(project, zone) if args.part == "diff" else _remove(project, zone, args.hashes)
    except LoadErrors as errors:
        return say_errors(errors)


def _zone(project: Project, named: str | None) -> str | None:
    zones = sorted(project.catalog.zones)
    folders = [zone for zone in zones if (project.root / FOLDER / zone).is_dir()]
    zone = named or next((only[0] for only in (folders, zones) if len(only) == 1), "")
    if zone in zones:
        return zone
    say(f"Say which zone: --zone {' | '.join(zones)}.")
    return None


def _add(project: Project, zone: str, files: list[Path]) -> int:
    known = sources(project.root, zone)
    names = [_name(project.root, file) for file in files]
    for file, name in zip(files, names, strict=True):
        if name not in known:
            say(f"{file} is no .graphql file of {FOLDER}/{zone}/ (outside {FOLDER}/{zone}/{REGISTERED}/).")
            return 2
    if not known:
        say(f"There is no .graphql file in {FOLDER}/{zone}/.")
        return 2
    today = dt.datetime.now(dt.UTC).date().isoformat()
    for done in register(project.root, zone, project.view(zone), names, today):
        before = "" if done.before is None else f"sha256:{done.before[:12]}.."
        print(f"sha256:{done.source.hash}  {done.source.name}: {_DONE[done.outcome].format(before=before)}")
    return 0


def _name(root: Path, file: Path) -> str:
    """A file's name within the project; '' where it is outside. Relative ones may start there, or where we are."""
    for path in (file, root / file):
        if path.exists() and path.resolve().is_relative_to(root.resolve()):
            return path.resolve().relative_to(root.resolve()).as_posix()
    return ""


def _list(documents: Documents, view: View) -> int:
    for one in documents.by_hash.values():
        print(f"{one.name}  sha256:{one.hash}")
        print(f"    {one.file}, {_since(one)}, may cost {cost(one, view)}")
        for variable in one.variables:
            print(f"    {variable}")
    return 0


def _since(one: Registered) -> str:
    return f"added {one.added}" + ("" if one.replaced is None else f", replaced {one.replaced}: by its hash alone")


def _diff(project: Project, zone: str) -> int:
    found = diff(project.root, zone, project.view(zone))
    for one in found:
        print(f"{one.file}: " + (f"'{one.name}' " if one.name else "") + _KINDS[one.kind])
        for line in one.said:
            print("    " + line.replace("\n", "\n    "))
    if not found:
        print("ok: what is written is what is registered")
    return 1 if found else 0


def _remove(project: Project, zone: str, hashes: list[str]) -> int:
    try:
        gone = remove(project.root, zone, hashes)
    except KeyError as wrong:
        say(f"'{wrong.args[0]}' is not the beginning of one hash; 'customhouse documents list' prints them.")
        return 2
    for entry in gone:
        print(f"sha256:{entry.hash}  {entry.name}: removed")
    return 0
