"""``customhouse check``: everything that can be known about a project without touching a source; with ``--live`` also
whether the sources are as the catalog says, and what the policy tests answer."""

from __future__ import annotations

import argparse
import asyncio

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.documents.load import told
from app.fitting import unfit
from app.project import Project, load_project
from app.steward.live import answering, compare
from app.steward.policy_test import run_policy_tests
from app.steward.sources import SourceError, open_source, opened
from policies.visible import detokenizable
from resolvers.backends.opened import of_keys, of_sql
from schema.errors import LoadError, LoadErrors
from schema.graphql import build


def add(commands: Commands) -> None:
    parser = commands.add_parser("check", help="check catalog, policies and schemas; exit code 1 if anything is wrong")
    add_project(parser)
    parser.add_argument("--live", action="store_true", help="also compare with the sources, and run the policy tests")


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        found = _beyond(project, args.live)
        if found:
            raise LoadErrors(found)
    except LoadErrors as errors:
        return say_errors(errors)
    except SourceError as error:
        say(str(error))
        return 1
    for warning in (*project.policies.warnings, *told(project.root, project.documents, project.catalog.zones)):
        say(f"warning: {warning}")
    for zone in project.catalog.zones:
        sdl = build(project.catalog, zone, detokenizable=detokenizable(project.policies, zone)).sdl
        published = len(project.catalog.published(zone))
        print(f"zone {zone}: {published} products, {len(sdl.splitlines())} lines of schema")
        for waiver in project.catalog.zones[zone].waivers:
            where = "" if waiver.on is None else f" on {waiver.on}"
            print(f"  waives {waiver.rule}{where} since {waiver.since}: {waiver.reason}")
    how = "right" if args.live else "tried at the gate, their rows not compared"
    tests = f"{len(project.policies.tests)} policy tests {how}"
    print(f"ok: {len(project.catalog.products)} products, {tests}")
    return 0


def _beyond(project: Project, live: bool) -> list[LoadError]:
    """What is wrong beyond loading. Raises SourceError where a source is needed and cannot be opened."""
    if live:
        return [*asyncio.run(_compared(project)), *run_policy_tests(project)]
    found = asyncio.run(_fitted(project))
    try:
        return [*found, *run_policy_tests(project, live=False)]
    except SourceError as error:
        say(f"The policy tests were not tried. {error}")
        return found


async def _compared(project: Project) -> list[LoadError]:
    async with opened(project) as backends:
        silent = await answering(project.catalog, of_keys(backends))
        odd = unfit(project.catalog, backends)
        return [*odd, *silent, *await compare(project.catalog, of_sql(backends))]


async def _fitted(project: Project) -> list[LoadError]:
    """What does not fit its source, of the sources that can be opened here."""
    errors: list[LoadError] = []
    for source in project.catalog.sources.values():
        if source.keyed:
            try:
                opened_one = open_source(source, project.root, live=False)
            except SourceError as error:
                say(f"Feature views and models were not looked at. {error}")
                continue
            errors += unfit(project.catalog, {source.name: opened_one})
            await opened_one.close()
    return errors
