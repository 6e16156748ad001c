"""What is compared: targets, their answers, and the runs they are put through."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import Wrong, ask, compare, leaves
from benchmarks.place import run_folder
from benchmarks.rounds import Load, Measure, Run, measure
from benchmarks.tokens import private
from benchmarks.workloads import Workload, bodies, place, seeks

_CHECKED = 8
Results = dict[tuple[str, str], list[Measure]]


@dataclass(frozen=True, slots=True)
class Target:
    """A running server, the workloads it can answer, and the authorization it wants."""

    name: str
    url: str
    workloads: Mapping[str, Workload]
    authorization: str | None
    subjects: Path | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Measures by target and workload, and what went wrong on the way."""

    results: Results
    faults: tuple[str, ...]


def groups(targets: Sequence[Target], wanted: Sequence[str]) -> list[list[tuple[Target, Workload]]]:
    """Workloads by what they are like, so that both stand in the same rounds."""
    every = [(target, one) for target in targets for one in target.workloads.values()]
    needed = {*wanted, *(one.like for _, one in every if one.name in wanted)}
    found: dict[str, list[tuple[Target, Workload]]] = {}
    for target, workload in every:
        if workload.name in needed:
            found.setdefault(workload.like or workload.name, []).append((target, workload))
    return [found[name] for name in sorted(found, key=number)]


def number(workload: str) -> int:
    """Workloads are told in the order of their numbers."""
    return int(workload.removeprefix("W"))


def run(targets: Sequence[Target], wanted: Sequence[str], load: Load, database: int | None) -> Compared:
    """Check all answers against one another, then measure those who gave the right ones."""
    results: Results = {}
    faults: list[str] = []
    for group in groups(targets, wanted):
        runs = list(_agreeing(group, faults))
        print(" ".join(f"{one.target}/{one.workload}" for one in runs), file=sys.stderr, flush=True)
        for one, measures in measure(runs, load, database).items():
            results[one.target, one.workload] = measures
            if failed := sum(each.failed for each in measures):
                faults.append(f"{one.target} {one.workload}: {failed} requests failed")
    return Compared(results, tuple(faults))


def prepare(target: Target, workload: Workload) -> tuple[Run, list[str]]:
    """The run, with its files written, and its bodies. Raises Wrong where it cannot be said what to ask."""
    texts = list(bodies(workload, _places(target, workload)))
    folder = run_folder() / "bodies"
    folder.mkdir(exist_ok=True)
    path = folder / f"{target.name}-{workload.name}"
    path.write_text("\n".join(texts) + "\n")
    run = Run(target.name, workload.name, target.url, path, _authorizations(target, workload), target.pid)
    return run, texts


def _agreeing(group: Iterable[tuple[Target, Workload]], faults: list[str]) -> Iterable[Run]:
    """The runs of those whose answers are those of the first target; the rest become faults."""
    expected: dict[str, list[list[str]]] = {}
    for target, workload in group:
        name = f"{target.name} {workload.name}"
        same = workload.like if workload.server and workload.like else workload.name
        try:
            one, texts = prepare(target, workload)
            got = [leaves(ask(target.url, text, who)[0]) for text, who in _questions(one, texts)]
            compare(name, got, expected.setdefault(same, got))
        except Wrong as wrong:
            faults.append(f"{name} is not measured: {wrong}")
            print(faults[-1], file=sys.stderr)
            continue
        yield one


def _places(target: Target, workload: Workload) -> list[dict[str, object]]:
    """Where the pages begin that this target will be asked for, as it says itself."""
    seek = workload.seek
    return [place(seek, ask(target.url, text, target.authorization)[0]) for text in seeks(seek)] if seek else []


def _authorizations(target: Target, workload: Workload) -> Path | None:
    if not workload.authorized:
        return None
    if workload.subjects:
        return target.subjects
    path = run_folder() / f"authorization-{target.name}"
    with private(path) as file:
        file.write(f"{target.authorization}\n")
    return path


def _questions(run: Run, texts: Sequence[str]) -> list[tuple[str, str | None]]:
    """The first bodies, each with the authorization that the load generator sends."""
    several: list[str | None] = [*run.tokens.read_text().splitlines()] if run.tokens else [None]
    return [(text, several[at % len(several)]) for at, text in enumerate(texts[:_CHECKED])]
