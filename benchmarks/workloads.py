"""Workloads: what is asked, and with which variables. The file format is said in docs/benchmarks.md.

Values are drawn with one seed, in the order the file names the variables, so that all servers get the same questions in
the same order, whatever their query texts look like.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SEED = 7
_BODIES = 500


@dataclass(frozen=True, slots=True)
class Seek:
    """How a page's place is found before the run: an operation for each of some depths, and where its answer has it."""

    workload: Workload
    take: Mapping[str, Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Workload:
    """One question. ``inline``: values stand in the text. ``like``: the workload it is another way to ask.

    ``authorized``: it is asked with a token; ``subjects``: with ten thousand different ones, in turn.
    """

    name: str
    query: str
    operation: str
    variables: Mapping[str, Mapping[str, list[Any]]]
    authorized: bool
    bodies: int = _BODIES
    inline: bool = False
    like: str | None = None
    subjects: bool = False
    server: str | None = None
    seek: Seek | None = None


def read(path: Path) -> dict[str, Workload]:
    """The workloads of a file, in its order."""
    said = json.loads(path.read_text())["workloads"]
    return {name: _workload(name, one) for name, one in said.items()}


def _workload(name: str, said: Mapping[str, Any]) -> Workload:
    seek = said.get("seek")
    return Workload(
        name,
        said["query"],
        said["operationName"],
        said["vars"],
        said["auth"],
        said.get("bodies", _BODIES),
        said.get("inline", False),
        said.get("like"),
        "tokens" in said,
        said.get("server"),
        Seek(_workload(f"{name} seek", seek), seek["take"]) if seek else None,
    )


def bodies(workload: Workload, places: Sequence[Mapping[str, object]] = ()) -> Iterator[str]:
    """The request bodies of a run; ``places`` are what seeking found."""
    draw = random.Random(_SEED)
    for _ in range(workload.bodies):
        values = {name: _drawn(draw, spec) for name, spec in workload.variables.items()}
        yield body(workload, {**values, **(draw.choice(places) if places else {})})


def seeks(seek: Seek) -> Iterator[str]:
    """One body for each depth, from the shallowest."""
    ((name, spec),) = seek.workload.variables.items()
    for value in spec["choice"]:
        yield body(seek.workload, {name: value})


def place(seek: Seek, answer: Mapping[str, Any]) -> dict[str, object]:
    """The variables that a seek's answer gives."""
    found: dict[str, object] = {}
    for name, path in seek.take.items():
        value: Any = answer["data"]
        for step in path:
            value = value[step]
        found[name] = value
    return found


def body(workload: Workload, values: Mapping[str, object]) -> str:
    query = workload.query
    if workload.inline:
        for name, value in values.items():
            query = query.replace(f"${name}", json.dumps(value))
        values = {}
    return json.dumps({"query": query, "operationName": workload.operation, "variables": values})


def _drawn(draw: random.Random, spec: Mapping[str, list[Any]]) -> object:
    return draw.randint(*spec["int"]) if "int" in spec else draw.choice(spec["choice"])
