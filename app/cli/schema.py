"""``customhouse schema``: the GraphQL schema of a zone, whole, in the schema definition language."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.project import load_project
from policies.visible import detokenizable
from schema.errors import LoadErrors
from schema.graphql import build


def add(commands: Commands) -> None:
    parser = commands.add_parser("schema", help="print the GraphQL schema of a zone (SDL)")
    add_project(parser)
    parser.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one)")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
    except LoadErrors as errors:
        return say_errors(errors)
    zones = sorted(project.catalog.zones)
    zone: str = args.zone or (zones[0] if len(zones) == 1 else "")
    if zone not in project.catalog.zones:
        say(f"Say which zone: --zone {' | '.join(zones)}.")
        return 2
    project = project.seen_in(zone)
    print(build(project.catalog, zone, detokenizable=detokenizable(project.policies, zone)).costed, end="")
    return 0
