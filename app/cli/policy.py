"""``customhouse policy test``: run the tests that stand in the policy files."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.project import load_project
from app.steward.explain_text import table
from app.steward.policy_test import results
from app.steward.sources import SourceError
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser("policy", help="policy test: run the tests that stand in the policy files")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    test = verbs.add_parser("test", help="run the in-file tests against the sources; exit code 1 if one fails")
    add_project(test)
    test.add_argument("--dry", action="store_true", help="ask no source: only what the gate refuses is proven")


def run(args: argparse.Namespace) -> int:
    try:
        found = results(load_project(args.project, args.env), live=not args.dry)
    except LoadErrors as errors:
        return say_errors(errors)
    except SourceError as error:
        say(str(error))
        return 1
    rows = [(one.outcome, f"{one.test.place.file}:{one.test.place.line}", one.test.query) for one in found]
    for line in table(rows):
        print(line)
    failed = [one.error for one in found if one.error is not None]
    for failure in failed:
        print(f"\n{failure}")
    if rows:
        print()
    skipped = sum(one.outcome == "not run" for one in found)
    print(f"{len(found)} tests, {len(failed)} failed" + (f", {skipped} not run" if skipped else ""))
    return 1 if failed else 0
