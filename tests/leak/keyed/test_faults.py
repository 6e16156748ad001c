"""The non-interference questions can fail: each check that keeps features and scores from telling is taken out in turn,
and the questions find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlglot import exp

from policies import govern, relation, rowwise
from policies.rowwise import Seen
from resolvers import plan
from resolvers.lookups import plan as lookups_plan
from resolvers.lookups.kept import KeptRows, Origin
from resolvers.steps import Gather
from schema import propagate
from schema.catalog import Column, Product
from schema.query import Gathering
from schema.trees import copied
from tests.leak.keyed.compare import Difference, Pair, questioner, tokens_of
from tests.leak.keyed.house import House
from tests.leak.keyed.perturb import perturbed
from tests.leak.keyed.seen import PERSONAS
from tests.leak.keyed.world import world

QUESTIONS, SEED = 150, 20131
Patch = pytest.MonkeyPatch


def rows_of_the_store_ungoverned(patch: Patch) -> None:
    def see(rules: object, columns: object, key: tuple[str, ...], *rest: object) -> Callable[[rowwise.Row], Seen]:
        return lambda row: Seen(row, (True,) * len(key))

    patch.setattr(govern, "compile_seen", see)


def rows_found_by_masked_keys(patch: Patch) -> None:
    patch.setattr(lookups_plan, "meets_masked", lambda *ends: True)


def only_what_is_there_kept(patch: Patch) -> None:
    keep = KeptRows.keep

    def some(self: KeptRows, origin: Origin, key: tuple[object, ...], row: dict[str, object] | None) -> None:
        if row is not None:
            keep(self, origin, key, row)

    patch.setattr(KeptRows, "keep", some)


def models_fed_raw(patch: Patch) -> None:
    def raw(
        catalog: object, table: relation.RawTable, decision: object, way: object, name: str, given: object
    ) -> exp.Expression:
        return table.column(name)

    patch.setattr(relation, "_input", raw)


def outputs_without_the_tags_of_raw_inputs(patch: Patch) -> None:
    inputs = propagate._inputs

    def own(product: Product, column: Column) -> Iterator[propagate.Spot]:
        return iter(()) if product.model is not None else inputs(product, column)

    patch.setattr(propagate, "_inputs", own)


def links_over_masked_keys(patch: Patch) -> None:
    patch.setattr(relation, "_traversable", lambda *ends: True)


def candidates_unfiltered(patch: Patch) -> None:
    gather = plan._Planner.gather

    def unfiltered(self: plan._Planner, gathering: Gathering) -> Gather:
        select = copied(gathering.block.select)
        inner = select.args["from_"].this.this
        inner.set("where", None)
        return gather(self, _with(gathering, select))

    patch.setattr(plan._Planner, "gather", unfiltered)


def _with(gathering: Gathering, select: exp.Select) -> Gathering:
    return replace(gathering, block=replace(gathering.block, select=select))


FAULTS: dict[Callable[[Patch], None], str] = {
    rows_of_the_store_ungoverned: "staff",
    rows_found_by_masked_keys: "everywhere",
    only_what_is_there_kept: "staff",
    models_fed_raw: "staff",
    outputs_without_the_tags_of_raw_inputs: "audit",
    links_over_masked_keys: "everywhere",
    candidates_unfiltered: "staff",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_check_that_is_gone_is_noticed(
    fault: Callable[[Patch], None], tmp_path: Path, monkeypatch: Patch
) -> None:
    fault(monkeypatch)
    assert await found(FAULTS[fault], tmp_path)


async def found(name: str, folder: Path) -> list[Difference]:
    """What the questions find for a persona, up to the first difference."""
    who = next(one for one in PERSONAS if one.name == name)
    staff = next(one for one in PERSONAS if one.name == "everywhere")
    made = world(SEED)
    async with (
        House.made(folder / "one", made, "duckdb") as one,
        House.made(folder / "other", perturbed(made, who, SEED), "duckdb") as other,
    ):
        pair = Pair(one, other, who, questioner(who, SEED, await tokens_of(one, staff)))
        for _ in range(QUESTIONS):
            await pair.question()
            if pair.found:
                break
    return pair.found
