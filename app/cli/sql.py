"""``customhouse sql``: what a persona gets for a SQL statement, as a table or as the endpoint writes it.

Runs in this process, without a server or a token. With ``--explain`` nothing runs: it says what would, and where.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

import orjson

from app.cli import Commands
from app.cli.persona import add_persona, chosen
from app.cli.place import add_project, say, say_errors, say_refusal
from app.personas import PersonaError
from app.project import Project, load_project
from app.steward.explain_sql import explain_statement
from app.steward.policy_test import fixed_keys
from app.steward.rows_text import rows_text
from app.steward.sources import SourceError, opened
from resolvers.backends.backend import Bounds
from resolvers.engine import Engine
from resolvers.formats.choose import MEDIA, writer_of
from resolvers.formats.column import columns
from resolvers.formats.encode import encoded
from resolvers.frontends.sql.parameters import read_parameters
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.errors import LoadErrors, Refusal
from schema.statement import DIALECTS

_SHOWN = 1_000


def add(commands: Commands) -> None:
    parser = commands.add_parser("sql", help="what a persona gets for a SQL statement")
    add_project(parser)
    add_persona(parser, required=True)
    parser.add_argument("statement", metavar="STATEMENT", help="a SELECT, or @FILE that holds it")
    parser.add_argument("--dialect", choices=DIALECTS, default="postgres", help="how it is written (default: postgres)")
    parser.add_argument("--parameters", default="null", metavar="JSON", help="a list for $1, an object for :name")
    parser.add_argument("--format", choices=("table", *MEDIA), default="table", help="default: table")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file instead of the terminal")
    parser.add_argument("--explain", action="store_true", help="do not run it: say where it would run, and the SQL")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        caller = replace(chosen(project, args), expires=time.time() + 3600)
        return asyncio.run(_answer(project, caller, _asked(args), args))
    except LoadErrors as errors:
        return say_errors(errors)
    except (PersonaError, SourceError, ValueError) as error:
        say(str(error))
        return 2
    except Refusal as refusal:
        say_refusal(refusal)
        if refusal.locations:
            say("At line {}, column {}.".format(*refusal.locations[0]))
        return 1


def _asked(args: argparse.Namespace) -> Asked:
    """Raises ValueError with a sentence, `Refusal` CH162."""
    try:
        given = orjson.loads(args.parameters)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"--parameters is not JSON: {error}.") from None
    text = args.statement
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"{args.statement[1:]} cannot be read: {error.strerror}.") from None
    return Asked(text, args.dialect, read_parameters(given), "cli")


async def _answer(project: Project, caller: Caller, asked: Asked, args: argparse.Namespace) -> int:
    project = project.seen_in(caller.zone)
    async with opened(project, live=not args.explain) as sources:
        engine = Engine(project.catalog, project.policies, caller.zone, sources, fixed_keys(caller.zone))
        try:
            if args.explain:
                print(explain_statement(engine, asked, caller))
                return 0
            return await _rows(engine, asked, caller, args)
        finally:
            await engine.close()


async def _rows(engine: Engine, asked: Asked, caller: Caller, args: argparse.Namespace) -> int:
    result = await engine.statements.answer(asked, caller)
    try:
        limits = engine.zone.sql
        if args.format == "table":
            print(await rows_text(result, _SHOWN))
            return 0
        schema = result.stream.schema
        written = writer_of(args.format, schema, columns(schema, result.types))
        out = args.output.open("wb") if args.output else sys.stdout.buffer
        bounds = Bounds(limits.max_rows, limits.max_bytes)
        async for piece in encoded(result.stream, written, bounds, request_id=asked.request_id):
            out.write(piece)
        out.flush()
        return 0
    finally:
        await result.stream.aclose()
