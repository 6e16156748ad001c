"""``customhouse init``: a first project from a database's description of itself."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from app.cli import Commands
from app.cli.place import say, say_errors
from app.steward.init import InitError, init
from schema.errors import LoadErrors, Refusal


def add(commands: Commands) -> None:
    parser = commands.add_parser("init", help="make a first project from a database")
    parser.add_argument(
        "--source",
        required=True,
        metavar="URL",
        help="duckdb:///FILE, sqlite:///FILE, postgresql://.., mysql+pymysql://..",
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to put it (default: here)")
    parser.add_argument(
        "--domain", metavar="NAME", help="the domain of tables without a schema (default: the database)"
    )


def run(args: argparse.Namespace) -> int:
    try:
        made = asyncio.run(init(args.source, args.out, args.domain))
    except InitError as error:
        say(str(error))
        return 2
    except Refusal as refusal:
        say(f"{refusal.code} {refusal.message}" + (f" {refusal.hint}" if refusal.hint else ""))
        return 1
    except LoadErrors as errors:
        say("The project was written, but does not load as it is:")
        return say_errors(errors)
    for name in made.files:
        print(args.out / name)
    for table in made.draft.skipped:
        say(f"Left out: {table}, which has no column that could be a key.")
    if made.variable:
        say(f"The source's URL was not written down: set {made.variable} to it.")
    say("Next: look for REVIEW in the catalog, write grants, then run `customhouse check`.")
    return 0
