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
Member = tuple["Target", Workload]
Results = dict[tuple[str, str], list[Measure]]


@dataclass(frozen=True, slots=True)
class Target:
    """A running server, the workloads it can answer, and the authorization it wants.

    ``beside`` names the target that asks the plain question, where this one only asks another way.
    """

    name: str
    url: str
    workloads: Mapping[str, Workload]
    authorization: str | None
    subjects: Path | None
    pid: int | None
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain question's measures in the rounds of another way to ask it."""

    target: str
    workload: str
    measures: list[Measure]


@dataclass(frozen=True, slots=True)
class Compared:
    """Measures by target and workload; for workloads like another, that one's; and what went wrong on the way."""

    results: Results
    plain: Mapping[tuple[str, str], Plain]
    faults: tuple[str, ...]


def number(workload: str) -> float:
    """Workloads are told in the order of their numbers."""
    return float(workload.removeprefix("W").replace("b", ".5"))


def run(targets: Sequence[Target], wanted: Sequence[str], load: Load, database: int | None) -> Compared:
    """Check all answers against one another, then measure those who gave the right ones, one workload at a time.

    What fills caches comes last, so that it does not weigh on the workloads before it.
    """
    results: Results = {}
    plain: dict[tuple[str, str], Plain] = {}
    faults: list[str] = []
    for name in sorted(wanted, key=lambda name: _order(targets, name)):
        members = [(target, target.workloads[name]) for target in targets if name in target.workloads]
        beside = {target.name: _plain(targets, target, workload) for target, workload in members if workload.like}
        measured = _measured([*beside.values(), *members], load, database, faults)
        for target, _ in members:
            if (target.name, name) not in measured:
                continue
            results[target.name, name] = measured[target.name, name]
            if target.name in beside:
                other, question = beside[target.name]
                if (key := (other.name, question.name)) in measured:
                    plain[target.name, name] = Plain(*key, measured[key])
    return Compared(results, plain, tuple(faults))


def _order(targets: Sequence[Target], name: str) -> tuple[bool, bool, int]:
    known = [target.workloads[name] for target in targets if name in target.workloads]
    return any(one.inline for one in known), any(one.subjects for one in known), number(name)


def _plain(targets: Sequence[Target], target: Target, workload: Workload) -> Member:
    """Who asks the plain question that a workload is like."""
    asker = next((one for one in targets if one.name == target.beside), target)
    return asker, asker.workloads[workload.like or workload.name]


def _measured(members: Sequence[Member], load: Load, database: int | None, faults: list[str]) -> Results:
    runs = list(_agreeing(members, faults))
    print(" ".join(f"{one.target}/{one.workload}" for one in runs), file=sys.stderr, flush=True)
    found: Results = {}
    for one, measures in measure(runs, load, database).items():
        found[one.target, one.workload] = measures
        if failed := sum(each.failed for each in measures):
            faults.append(f"{one.target} {one.workload}: {failed} requests failed")
    return found


def prepare(target: Target, workload: Workload) -> tuple[Run, list[str]]:
    """The run, with its files written, and its bodies. Raises Wrong where it cannot be said what to ask."""
    texts = list(bodies(workload, _places(target, workload)))
    folder = run_folder() / "bodies"
    folder.mkdir(exist_ok=True)
    path = folder / f"{target.name}-{workload.name}"
    path.write_text("\n".join(texts) + "\n")
    run = Run(target.name, workload.name, target.url, path, _authorizations(target, workload), target.pid)
    return run, texts


def _agreeing(group: Iterable[Member], faults: list[str]) -> Iterable[Run]:
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
