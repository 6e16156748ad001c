"""``customhouse schema``: the GraphQL schema of a zone, whole, in the schema definition language."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from schema.errors import LoadErrors
from schema.graphql import build
from schema.load import load_catalog


def add(commands: Commands) -> None:
    parser = commands.add_parser("schema", help="print the GraphQL schema of a zone (SDL)")
    add_project(parser)
    parser.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one)")


def run(args: argparse.Namespace) -> int:
    try:
        catalog = load_catalog(args.project, args.env)
    except LoadErrors as errors:
        return say_errors(errors)
    zones = sorted(catalog.zones)
    zone: str = args.zone or (zones[0] if len(zones) == 1 else "")
    if zone not in catalog.zones:
        say(f"Say which zone: --zone {' | '.join(zones)}.")
        return 2
    print(build(catalog, zone).sdl, end="")
    return 0
