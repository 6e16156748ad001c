"""``customhouse access``: who can see a column, clear or masked, through which rule."""

from __future__ import annotations

import argparse

import orjson

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.personas import PersonaError, load_personas
from app.project import load_project
from app.steward.access import NoColumn, access
from app.steward.access_text import access_text
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser("access", help="who can see a column, clear or masked, and through which rule")
    add_project(parser)
    parser.add_argument("column", metavar="COLUMN", help="domain.product.column")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        try:
            personas = load_personas(args.project)
        except PersonaError as error:
            say(f"{error} Only the rules are told.")
            personas = {}
        found = access(project, args.column, personas)
    except LoadErrors as errors:
        return say_errors(errors)
    except NoColumn as error:
        say(str(error))
        return 2
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if args.json else access_text(found).rstrip("\n"))
    return 0
