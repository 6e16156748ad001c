"""What is compared: targets, their answers, and the runs they are put through."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import Wrong, ask, compare, leaves
from benchmarks.place import run_folder
from benchmarks.rounds import Load, Measure, Run, measure
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
    found: dict[str, list[tuple[Target, Workload]]] = {}
    for target in targets:
        for name, workload in target.workloads.items():
            if name in wanted or any(one.like == name and one.name in wanted for one in target.workloads.values()):
                found.setdefault(workload.like or name, []).append((target, workload))
    return [found[name] for name in sorted(found, key=lambda name: int(name[1:]))]


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


def _agreeing(group: Iterable[tuple[Target, Workload]], faults: list[str]) -> Iterable[Run]:
    """The runs of those whose answers are those of the first target; the rest become faults."""
    expected: dict[str, list[list[str]]] = {}
    for target, workload in group:
        name = f"{target.name} {workload.name}"
        try:
            one, texts = _prepared(target, workload)
            got = [leaves(ask(target.url, text, who)[0]) for text, who in _questions(target, workload, texts)]
            alike = expected.get(workload.name) or (expected.get(workload.like or "") if workload.server else None)
            compare(name, got, expected.setdefault(workload.name, alike or got))
        except Wrong as wrong:
            faults.append(f"{name} is not measured: {wrong}")
            print(faults[-1], file=sys.stderr)
            continue
        yield one


def _prepared(target: Target, workload: Workload) -> tuple[Run, list[str]]:
    """The run, with its files written, and its bodies."""
    seek = workload.seek
    found = [place(seek, ask(target.url, text, target.authorization)[0]) for text in seeks(seek)] if seek else []
    texts = list(bodies(workload, found))
    folder = run_folder() / "bodies"
    folder.mkdir(exist_ok=True)
    path = folder / f"{target.name}-{workload.name}"
    path.write_text("\n".join(texts) + "\n")
    tokens = target.subjects if workload.subjects else None
    if tokens is None and target.authorization:
        tokens = run_folder() / f"authorization-{target.name}"
        tokens.touch(mode=0o600)
        tokens.write_text(target.authorization + "\n")
    return Run(target.name, workload.name, target.url, path, tokens, target.pid), texts


def _questions(target: Target, workload: Workload, texts: Sequence[str]) -> list[tuple[str, str | None]]:
    """The first bodies, each with the authorization that the load generator would send."""
    several: Sequence[str | None] = [target.authorization]
    if workload.subjects and target.subjects:
        several = target.subjects.read_text().splitlines()
    return [(text, several[number % len(several)]) for number, text in enumerate(texts[:_CHECKED])]
