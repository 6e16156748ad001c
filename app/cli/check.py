"""``customhouse check``: everything that can be known about a project without touching a source."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.cli.place import add_project, say_errors
from app.project import load_project
from schema.errors import LoadErrors
from schema.graphql import build


def add(commands: Commands) -> None:
    parser = commands.add_parser("check", help="check catalog, policies and schemas; exit code 1 if anything is wrong")
    add_project(parser)


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
    except LoadErrors as errors:
        return say_errors(errors)
    for zone in project.catalog.zones:
        sdl = build(project.catalog, zone).sdl
        published = len(project.catalog.published(zone))
        print(f"zone {zone}: {published} products, {len(sdl.splitlines())} lines of schema")
    print(f"ok: {len(project.catalog.products)} products, {len(project.policies.tests)} policy tests not run")
    return 0
