"""``customhouse bench``: how long a persona's own query takes against the project's sources, and where the time goes.

One process asks again and again, one question at a time: no HTTP, no tokens, nothing kept of results. The first answer
is shown apart, because it makes the plan and opens the sources. Only times and sizes are printed, never an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from app.cli import Commands
from app.cli.asked import add_query, asked
from app.cli.persona import add_persona, chosen
from app.cli.place import add_project, say, say_errors, say_refusal
from app.personas import PersonaError
from app.project import Project, load_project
from app.steward.policy_test import fixed_keys
from app.steward.sources import SourceError, opened
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import LoadErrors, Refusal, Refusals

MOST_SECONDS, MOST_TIMES = 60.0, 100_000
STAGES = ("compile", "govern", "run", "encode")


@dataclass(frozen=True, slots=True)
class Lap:
    """One answer: milliseconds of wall and of this process's CPU, milliseconds by stage, bytes."""

    wall: float
    cpu: float
    stages: Mapping[str, float]
    size: int
    partial: bool


def add(commands: Commands) -> None:
    parser = commands.add_parser("bench", help="how long a persona's query takes, and where the time goes")
    add_project(parser)
    add_persona(parser, required=True)
    add_query(parser)
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help="ask for so long, at most 60 (default 3)"
    )
    parser.add_argument("--times", type=int, default=1000, metavar="N", help="ask at most so often (default 1000)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if not 0 < args.seconds <= MOST_SECONDS or not 1 <= args.times <= MOST_TIMES:
        say(f"--seconds is above 0 and at most {MOST_SECONDS:g}, --times from 1 to {MOST_TIMES}.")
        return 2
    try:
        project = load_project(args.project, args.env)
        caller = chosen(project, args)
        operation = asked(args)
        laps = asyncio.run(_laps(project, caller, operation, args.seconds, args.times))
    except LoadErrors as errors:
        return say_errors(errors)
    except (PersonaError, SourceError, ValueError) as error:
        say(str(error))
        return 2
    except (Refusal, Refusals) as refusal:
        say_refusal(refusal)
        return 1
    found = figures(laps)
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if args.json else text_of(found))
    if any(lap.partial for lap in laps):
        say("Some answers were partial: a source failed. The times are not those of whole answers.")
        return 1
    return 0


async def _laps(project: Project, caller: Caller, operation: Operation, seconds: float, times: int) -> list[Lap]:
    """The first answer, and those after it."""
    project = project.seen_in(caller.zone)
    async with opened(project, live=True) as backends:
        engine = Engine(project.catalog, project.policies, caller.zone, backends, fixed_keys(caller.zone))
        laps = [await _lap(engine, operation, caller)]
        until = time.perf_counter() + seconds
        while len(laps) <= times and time.perf_counter() < until:
            laps.append(await _lap(engine, operation, caller))
        await engine.close()
    return laps


async def _lap(engine: Engine, operation: Operation, caller: Caller) -> Lap:
    wall, cpu = time.perf_counter(), time.process_time()
    answer = await engine.answer(operation, caller)
    spent = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
    return Lap(*spent, answer.timings, len(answer.body), answer.status != 200)


def figures(laps: list[Lap]) -> dict[str, object]:
    """The first answer, and the median and 99th percentile of the others (of itself where there are none)."""
    first, rest = laps[0], laps[1:] or laps
    ordered = sorted(lap.wall for lap in rest)
    return {
        "answers": len(laps),
        "bytes": first.size,
        "first": {"ms": _short(first.wall), "stages": _stages([first])},
        "then": {
            "ms": _short(statistics.median(ordered)),
            "p99_ms": _short(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]),
            "cpu_ms": _short(statistics.median(lap.cpu for lap in rest)),
            "stages": _stages(rest),
        },
    }


def _stages(laps: list[Lap]) -> dict[str, float]:
    return {
        stage: _short(statistics.median(lap.stages.get(stage, 0.0) for lap in laps))
        for stage in STAGES
        if any(stage in lap.stages for lap in laps)
    }


def _short(milliseconds: float) -> float:
    return round(milliseconds, 3)


def text_of(found: Mapping[str, object]) -> str:
    """The figures as lines: one for each stage, in milliseconds."""
    first, then = found["first"], found["then"]
    if not isinstance(first, dict) or not isinstance(then, dict):
        raise TypeError("not figures")
    lines = [
        f"{found['answers']} answers of {found['bytes']} bytes; milliseconds",
        "",
        f"{'':10}{'first':>10}{'median':>10}",
    ]
    for stage in STAGES:
        known = [one["stages"].get(stage) for one in (first, then)]
        if any(value is not None for value in known):
            lines.append(f"{stage:10}" + "".join(f"{'-' if value is None else value:>10}" for value in known))
    lines.append(f"{'whole':10}{first['ms']:>10}{then['ms']:>10}   99 of 100 within {then['p99_ms']}")
    lines.append(
        f"{'CPU':10}{'':10}{then['cpu_ms']:>10}   of this process; a source in a process of its own not counted"
    )
    return "\n".join(lines)
