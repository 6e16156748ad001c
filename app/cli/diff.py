"""``customhouse diff``: what a change means, for whom. Exit code 1 where access may widen and nobody accepted it."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from app.cli import Commands
from app.cli.place import say, say_errors
from app.project import Project, load_project
from app.steward.diff import diff
from app.steward.diff_text import diff_json, diff_text
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser("diff", help="who sees what after a change; exit code 1 if access widens unaccepted")
    parser.add_argument("old", type=Path, metavar="OLD", help="a project's directory before the change")
    parser.add_argument("new", type=Path, metavar="NEW", help="the same after it")
    parser.add_argument("--env", metavar="NAME", help="the overlay that applies to both")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="NAME",
        help="a change that is meant: a rule, or persona, persona/product, persona/product/column, with * in any part",
    )
    parser.add_argument("--fail-on-breaking", action="store_true", help="exit code 1 also where the schema breaks")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    projects: list[Project] = []
    for root in (args.old, args.new):
        try:
            projects.append(load_project(root, args.env))
        except LoadErrors as errors:
            say(f"{root} cannot be loaded:")
            return say_errors(errors)
    found = diff(projects[0], projects[1], args.accept)
    if args.json:
        print(orjson.dumps(diff_json(found), option=orjson.OPT_INDENT_2).decode())
    else:
        print(diff_text(found), end="")
    return 1 if found.widening or (args.fail_on_breaking and found.breaking) else 0
