"""Raw keys are compared to lists of links of the same relationship only: any other list would be a test of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlglot
from sqlglot import exp

from policies.allow import check_gathered, check_select
from schema.errors import Refusal
from schema.query import Block, Gathering, Slot
from schema.types import STRING

WAY = "ops.flights.plane"
SLOT = Slot("g", STRING, "gathered", many=True, path=("g0", "members"), seal=WAY)
SELECT = f'SELECT 1 AS "c0" FROM "ops"."flights" AS "t0" WHERE CH_IN("t0"."~{WAY}.0", %s)'


def block(name: str, product: str, relationship: str | None, *children: Block) -> Block:
    return Block(name, product, exp.select("1"), (), children=children, relationship=relationship)


LINKS = Gathering("g0", "links", block("b1", "ops.planes", WAY))
MATCHES = Gathering("g0", "matches", block("b1", "ops.flights", None, block("b2", "ops.planes", WAY)), "b2")
OTHERS = {
    "nothing gathers it": (),
    "links of another relationship": (replace(LINKS, block=block("b1", "ops.planes", "ops.flights.route")),),
    "rows of no relationship": (replace(LINKS, block=block("b1", "ops.planes", None)),),
    "values": (replace(MATCHES, kind="values"),),
    "identities": (replace(MATCHES, identified=True),),
    "another child": (replace(MATCHES, child="b3"),),
}


@pytest.mark.parametrize("gathering", [LINKS, MATCHES], ids=["links", "matches"])
def test_links_of_the_relationship_pass(gathering: Gathering) -> None:
    check_gathered((gathering,), {"g": SLOT})


@pytest.mark.parametrize("gatherings", OTHERS.values(), ids=OTHERS)
def test_any_other_list_is_refused(gatherings: tuple[Gathering, ...]) -> None:
    with pytest.raises(Refusal) as refused:
        check_gathered(gatherings, {"g": SLOT})
    assert refused.value.code == "CH450"


def test_any_other_list_of_a_gathering_is_refused() -> None:
    with pytest.raises(Refusal):
        check_gathered((LINKS,), {"g": replace(SLOT, path=("g0", "values"))})


@pytest.mark.parametrize(
    "slot",
    [
        replace(SLOT, seal="ops.flights.route"),
        replace(SLOT, seal=""),
        replace(SLOT, origin="variable"),
        replace(SLOT, origin="constant", value=("N1",)),
    ],
)
def test_a_link_is_compared_to_nothing_else(slot: Slot) -> None:
    select = sqlglot.parse_one(SELECT % ":g")
    check_select(select, {"g": SLOT})
    with pytest.raises(Refusal):
        check_select(select, {"g": slot})
