"""``customhouse explain``: why a persona's query answers as it does, and what would run. Runs nothing, unless asked to
with ``--run``: then each step says how many rows it gave, in how many calls and how long it took. Never shows a row."""

from __future__ import annotations

import argparse
import asyncio

import orjson

from app.cli import Commands
from app.cli.asked import add_query, asked
from app.cli.persona import add_persona, chosen
from app.cli.place import add_project, say, say_errors, say_refusal
from app.personas import PersonaError
from app.project import Project, load_project
from app.steward.explain import explain_json, product_json
from app.steward.explain_text import explain_text
from app.steward.policy_test import fixed_keys
from app.steward.sources import SourceError, opened
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import LoadErrors, Refusal, Refusals


def add(commands: Commands) -> None:
    parser = commands.add_parser("explain", help="why a persona's query answers as it does, with the SQL")
    add_project(parser)
    add_persona(parser, required=True)
    add_query(parser, "GraphQL, @FILE that holds it, or a product to explain whole")
    parser.add_argument("--run", action="store_true", help="run it too: rows, calls and milliseconds of each step")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        caller = chosen(project, args)
        found = asyncio.run(_explain(project, caller, asked(args), args.run))
    except LoadErrors as errors:
        return say_errors(errors)
    except (PersonaError, SourceError, ValueError) as error:
        say(str(error))
        return 2
    except (Refusal, Refusals) as refusal:
        return _refused(refusal)
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if args.json else explain_text(found).rstrip("\n"))
    return 0


async def _explain(project: Project, caller: Caller, operation: Operation, running: bool) -> dict[str, object]:
    project = project.seen_in(caller.zone)
    async with opened(project, live=running) as backends:
        keys = fixed_keys(caller.zone)  # no value that is made with them is shown
        engine = Engine(project.catalog, project.policies, caller.zone, backends, keys)
        product = project.catalog.products.get(operation.text.strip())
        if product is not None and product in project.catalog.published(caller.zone):
            return product_json(engine, product, caller)
        done = await engine.trace(operation, caller) if running else []
        return explain_json(engine, operation, caller, done)


def _refused(refusal: Refusal | Refusals) -> int:
    """The persona's query is refused: that is the answer, and an explanation of the product may tell why."""
    say_refusal(refusal)
    say("The persona is told just this. For the reason: customhouse explain --as PERSONA domain.product")
    return 1
