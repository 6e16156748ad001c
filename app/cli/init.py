"""``customhouse init``: a first project from a database's description of itself, or a catalog entry from a model's."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from app.cli import Commands
from app.cli.place import say, say_errors
from app.steward.init import InitError, init
from schema.errors import LoadErrors, Refusal


def add(commands: Commands) -> None:
    parser = commands.add_parser("init", help="make a first project from a database, or a catalog entry from a model")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--source",
        metavar="URL",
        help="duckdb:///FILE, sqlite:///FILE, postgresql://.., mysql+pymysql://.., bigquery://PROJECT/DATASET",
    )
    what.add_argument(
        "--model", metavar="URL", help="http://host/v2/models/NAME, an MLflow model's folder, or a file.onnx"
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to put it (default: here)")
    parser.add_argument(
        "--domain", metavar="NAME", help="the domain of tables without a schema (default: the database)"
    )
    parser.add_argument("--kind", metavar="KIND", help="of a model: open_inference, mlflow, onnx (default: by its URL)")
    parser.add_argument("--name", metavar="DOMAIN.NAME", help="the product of a model (default: ml and its own name)")


def run(args: argparse.Namespace) -> int:
    if args.model is None and (args.kind or args.name):
        say("--kind and --name are for --model.")
        return 2
    if args.model is not None and args.domain:
        say("--domain is for --source; a model's is in --name.")
        return 2
    try:
        return _model(args) if args.model is not None else _source(args)
    except InitError as error:
        say(str(error))
        return 2
    except Refusal as refusal:
        say(f"{refusal.code} {refusal.message}" + (f" {refusal.hint}" if refusal.hint else ""))
        return 1
    except LoadErrors as errors:
        say("The project does not load as it is:")
        return say_errors(errors)


def _source(args: argparse.Namespace) -> int:
    made = asyncio.run(init(args.source, args.out, args.domain))
    for name in made.files:
        print(args.out / name)
    for table in made.draft.skipped:
        say(f"Left out: {table}, which has no column that could be a key.")
    if made.variable:
        say(f"The source's URL was not written down: set {made.variable} to it.")
    say("Next: look for REVIEW in the catalog, write grants, then run `customhouse check`.")
    return 0


def _model(args: argparse.Namespace) -> int:
    from app.steward.init_model import init_model

    made = asyncio.run(init_model(args.model, args.out, args.kind, args.name))
    for name in made.files:
        print(args.out / name)
    for name in made.left_out:
        say(f"Left out: {name}, which has no type here; a comment in the catalog says why.")
    if made.source is not None:
        say(f"Add under 'sources:' in customhouse.yaml: {made.source}")
    if made.variable is not None:
        say(f"Where it is served is not known: set {made.variable} to that URL.")
    say("Next: look for REVIEW in the catalog, write grants, then run `customhouse check`.")
    return 0
