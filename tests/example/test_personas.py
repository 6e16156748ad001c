"""What each persona sees, asked of the real engine over the real data: cases.yaml."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, cast

import orjson
import pytest
import pytest_asyncio
import yaml

from app.keyring import keyring
from app.personas import PersonaError, load_personas
from app.project import Project, load_project
from app.steward.papers import caller_of
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal

HERE = Path(__file__).resolve().parent
FLIGHTS = HERE.parents[1] / "examples" / "flights"


class Case(TypedDict, total=False):
    name: str
    purpose: str
    query: str
    data: object
    code: str


CASES: list[Case] = yaml.safe_load((HERE / "cases.yaml").read_text(encoding="utf-8"))
PROJECT: Project = load_project(FLIGHTS)


@asynccontextmanager
async def opened(zone: str, warehouse: Path, keys: Path) -> AsyncIterator[Engine]:
    """An engine over what a zone needs of the project, with keys as `make run` makes them."""
    seen, urls = PROJECT.seen_in(zone), {"flights": str(warehouse)}
    sources = {
        name: open_source(source, urls.get(name, source.url), FLIGHTS) for name, source in seen.catalog.sources.items()
    }
    made = keyring(zone, {}, keys, dev_keys=True, alone=seen.catalog.zones[zone].restricted)
    engine = Engine(seen.catalog, seen.policies, zone, sources, made)
    yield engine
    await engine.close()
    for source in sources.values():
        await source.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Engine]]:
    """An engine for each zone of the example."""
    keys = tmp_path_factory.mktemp("keys")
    async with AsyncExitStack() as stack:
        yield {zone: await stack.enter_async_context(opened(zone, warehouse, keys)) for zone in PROJECT.catalog.zones}


def caller(case: Case) -> Caller:
    persona = load_personas(FLIGHTS)[str(case.get("as"))]
    return replace(caller_of(persona, PROJECT.catalog, None, case.get("purpose")), expires=time.time() + 60)


async def ask(engines: dict[str, Engine], case: Case) -> object:
    """The answer's JSON, or the code of what refused it."""
    try:
        who = caller(case)
        answer = await engines[who.zone].answer(Operation("graphql", case["query"]), who)
    except Refusal as refused:
        return refused.code
    except PersonaError as refused:
        return str(refused).partition(" ")[0]
    found: object = orjson.loads(answer.body)
    return found


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_persona(case: Case, engines: dict[str, Engine]) -> None:
    assert await ask(engines, case) == (case["code"] if "code" in case else {"data": case["data"]})


IDENTITY = ("passengerName", "email", "phone", "passport")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_two_zones_show_of_a_booking_does_not_join(engines: dict[str, Engine]) -> None:
    """Nothing of a passenger's identity is alike in both zones, not even where one rule hashes it in both."""
    query = f'{{ booking(bookingId: "15") {{ bookingId {" ".join(IDENTITY)} }} }}'
    seen: dict[str, dict[str, str]] = {}
    for name in ("fraud", "agency"):
        answer = cast(dict[str, dict[str, dict[str, str]]], await ask(engines, {"as": name, "query": query}))  # type: ignore[typeddict-unknown-key]
        seen[name] = answer["data"]["booking"]
    inside, outside = seen["fraud"], seen["agency"]
    assert inside["bookingId"] == outside["bookingId"] == "15"
    assert [column for column in IDENTITY if inside[column] == outside[column]] == []
    assert all(re.fullmatch("tok_partner_[0-9a-f]{32}", outside[column]) for column in IDENTITY[:3])
    assert all(re.fullmatch("[0-9a-f]{16}", one["passport"]) for one in (inside, outside))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_customer_is_known_again_by_a_token(engines: dict[str, Engine]) -> None:
    """Tokens are the zone's own, but they are values: an agency filters by them."""
    mine = "{ bookings(first: 200) { nodes { bookingId email } } }"
    answer = cast(
        dict[str, dict[str, dict[str, list[dict[str, str]]]]], await ask(engines, {"as": "agency", "query": mine})
    )  # type: ignore[typeddict-unknown-key]
    first = answer["data"]["bookings"]["nodes"][0]
    again = f'{{ bookings(where: {{email: {{eq: "{first["email"]}"}}}}, first: 1) {{ nodes {{ bookingId email }} }} }}'
    assert await ask(engines, {"as": "agency", "query": again}) == {"data": {"bookings": {"nodes": [first]}}}  # type: ignore[typeddict-unknown-key]


def test_every_persona_has_a_case() -> None:
    assert {case.get("as") for case in CASES} == load_personas(FLIGHTS).keys()
