"""``customhouse dictionary``: what exists, and how one persona meets it."""

from __future__ import annotations

import argparse

import orjson

from app.cli import Commands
from app.cli.persona import add_persona, chosen
from app.cli.place import add_project, say, say_errors
from app.personas import PersonaError
from app.project import load_project
from app.steward.dictionary import dictionary_markdown, dictionary_of, whole_dictionary
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser("dictionary", help="print the data dictionary, whole or as a persona may know it")
    add_project(parser)
    add_persona(parser, required=False)
    parser.add_argument("--format", choices=("markdown", "json"), default="markdown", help="(default: markdown)")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        if args.persona is not None:
            found = dictionary_of(project, chosen(project, args))
        else:
            zones = list(project.catalog.zones)
            zone = args.zone or (zones[0] if len(zones) == 1 else None)
            if zone not in zones:
                say(f"Say which zone: --zone {' | '.join(sorted(zones))}.")
                return 2
            found = whole_dictionary(project, zone)
    except LoadErrors as errors:
        return say_errors(errors)
    except PersonaError as error:
        say(str(error))
        return 2
    if args.format == "json":
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        print(dictionary_markdown(found), end="")
    return 0
