"""Pages: walking a list in either direction gives the rows of one big page, in every order and every engine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from resolvers.operation import Operation
from resolvers.steps import Fetch
from schema.caller import Caller
from tests.engine.house import EVERY, House, caller, place

CLERK = caller("clerk", roles=("clerk",))
BOSS = caller("boss", roles=("boss",))
COUNT = 17
FIELDS = "id name price weight made seen rank fresh secret cents kind"
ORDERS = [
    "[]",
    "[{name: ASC}]",
    "[{name: DESC}]",
    "[{name: ASC_NULLS_FIRST}]",
    "[{name: DESC_NULLS_LAST}]",
    "[{price: DESC}, {kind: ASC}]",
    "[{weight: ASC}]",
    "[{weight: DESC_NULLS_LAST}]",
    "[{made: DESC_NULLS_FIRST}, {rank: ASC_NULLS_FIRST}]",
    "[{seen: DESC}]",
    "[{rank: ASC}, {name: DESC}]",
    "[{fresh: ASC}, {price: ASC}]",
    "[{fresh: DESC_NULLS_LAST}, {made: ASC_NULLS_FIRST}, {kind: DESC}]",
    "[{secret: ASC}]",
    "[{secret: DESC_NULLS_LAST}, {cents: ASC}]",
    "[{cents: DESC}]",
    "[{id: DESC}]",
    "[{kind: ASC}]",
    "[{kind: ASC_NULLS_FIRST}, {rank: DESC}]",
    "[{kind: DESC}, {name: ASC}]",
    "[{kind: DESC_NULLS_LAST}]",
]


def statements() -> Iterator[str]:
    """Seventeen items full of ties, nulls and awkward texts."""
    dice = random.Random(11)
    yield (
        "CREATE TABLE items (id BIGINT, name TEXT, price DECIMAL(10,2), weight DOUBLE PRECISION, made DATE,"
        " seen TIMESTAMPTZ, rank INTEGER, fresh BOOLEAN, secret TEXT, cents INTEGER, kind TEXT)"
    )
    for number in range(1, COUNT + 1):
        values = [
            number - 9,
            dice.choice([None, "", "a", "B", "é", "Z", "z", "\U0001f600", "quote'd"]),
            dice.choice([None, "0.10", "0.20", "-3.00", "1000000.01"]),
            dice.choice([None, 0.1, 0.2, 0.30000000000000004, 1e300, -5e-324, 1 / 3]),
            dice.choice([None, "1999-12-31", "2024-02-29"]),
            dice.choice([None, "2024-01-01 00:00:00.123456+00:00", "2024-01-01 00:00:00+00:00"]),
            dice.choice([None, 1, 2, -7]),
            dice.choice([None, True, False]),
            dice.choice([None, "x1", "x2", "y1", "y2"]),
            dice.choice([None, 101, 150, 199, 250, -1]),
            dice.choice(["k1", "k2"]),
        ]
        yield f"INSERT INTO items VALUES ({', '.join(map(literal, values))})"
    yield "CREATE TABLE parts (item_id BIGINT, no TEXT, size INTEGER)"
    for number in range(40):
        yield f"INSERT INTO parts VALUES ({number % 4 - 2}, 'n{number}', {number % 3 or 'NULL'})"
    yield "CREATE TABLE lockers (code TEXT, size INTEGER)"
    for number in range(COUNT):
        yield f"INSERT INTO lockers VALUES ('C{number}', {number % 4 or 'NULL'})"


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case str() if (value[:1].isdigit() and "." in value and "-" not in value) or value == "-3.00":
            return value
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)


@pytest.fixture(params=EVERY)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with House.open(place("paging", tmp_path / "p", request.param, statements())) as opened:
        yield opened


async def connection(house: House, root: str, fields: str, arguments: str, who: Caller) -> dict[str, object]:
    page = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    said = await house.ask(f"{{ c: {root}({arguments}) {{ edges {{ cursor node {{ {fields} }} }} {page} }} }}", who)
    assert set(said) == {"data"}, (arguments, said)
    found: dict[str, object] = said["data"]["c"]
    return found


async def walked(house: House, root: str, fields: str, order: str, size: int, who: Caller, back: bool) -> list[object]:
    """All rows by pages of a size, in list order."""
    rows: list[object] = []
    cursor = ""
    for _ in range(COUNT + 2):
        ends = f", before: {cursor}" if back and cursor else f", after: {cursor}" if cursor else ""
        page = await connection(
            house, root, fields, f"orderBy: {order}, {'last' if back else 'first'}: {size}{ends}", who
        )
        nodes, info = [edge["node"] for edge in page["edges"]], page["pageInfo"]
        assert len(nodes) <= size
        rows = nodes + rows if back else rows + nodes
        if page["edges"]:
            assert info["startCursor"] == page["edges"][0]["cursor"]
            assert info["endCursor"] == page["edges"][-1]["cursor"]
        if not info["hasPreviousPage" if back else "hasNextPage"]:
            return rows
        cursor = f'"{info["startCursor" if back else "endCursor"]}"'
    raise AssertionError(f"the walk does not end: {order}")


@pytest.mark.parametrize("order", ORDERS)
async def test_walking_gives_every_row_once(order: str, house: House) -> None:
    for who in (CLERK, BOSS):
        whole = await connection(house, "items", FIELDS, f"orderBy: {order}, first: 100", who)
        rows = [edge["node"] for edge in whole["edges"]]
        assert len(rows) == COUNT
        assert whole["pageInfo"]["hasNextPage"] is whole["pageInfo"]["hasPreviousPage"] is False
        for size, back in ((4, False), (3, True)) if order != "[{name: ASC}]" else ((1, False), (1, True)):
            assert await walked(house, "items", FIELDS, order, size, who, back) == rows, (size, back)


@pytest.mark.parametrize("order", ["[]", "[{size: ASC}]", "[{size: DESC}, {code: ASC}]", "[{code: DESC_NULLS_LAST}]"])
async def test_walking_a_list_whose_key_is_masked(order: str, house: House) -> None:
    for who in (CLERK, BOSS):
        fields = "nodeId code size"
        whole = await connection(house, "lockers", fields, f"orderBy: {order}, first: 100", who)
        rows = [edge["node"] for edge in whole["edges"]]
        assert len({row["nodeId"] for row in rows}) == COUNT
        assert {row["code"] for row in rows} == ({"[redacted]"} if who is CLERK else {f"C{n}" for n in range(COUNT)})
        for size, back in ((4, False), (3, True)):
            assert await walked(house, "lockers", fields, order, size, who, back) == rows


async def test_walking_within_a_filter_and_under_a_parent(house: House) -> None:
    where = '{kind: {eq: "k1"}, or: [{rank: {gte: 1}}, {rank: {isNull: true}}]}'
    text = "items(where: %s, orderBy: [{cents: DESC}], first: %s%s) { nodes { id } pageInfo { endCursor hasNextPage } }"
    whole = (await house.ask(f"{{ {text % (where, 100, '')} }}", CLERK))["data"]["items"]["nodes"]
    found, after = [], ""
    for _ in range(COUNT):
        page = (await house.ask(f"{{ {text % (where, 2, after)} }}", CLERK))["data"]["items"]
        found += page["nodes"]
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == whole and len(whole) > 2
    parts = "item(id: -2) { parts(orderBy: [{size: DESC}], first: %s%s) { nodes { no } pageInfo { endCursor } } }"
    whole = (await house.ask(f"{{ {parts % (100, '')} }}", CLERK))["data"]["item"]["parts"]["nodes"]
    first = (await house.ask(f"{{ {parts % (3, '')} }}", CLERK))["data"]["item"]["parts"]
    after = f', after: "{first["pageInfo"]["endCursor"]}"'
    second = (await house.ask(f"{{ {parts % (100, after)} }}", CLERK))["data"]["item"]["parts"]
    assert first["nodes"] + second["nodes"] == whole and len(whole) == 10


async def test_ends_and_edges(house: House) -> None:
    async def ids(arguments: str) -> list[str]:
        page = await connection(house, "items", "id", arguments, BOSS)
        return [edge["node"]["id"] for edge in page["edges"]]

    every = [str(number - 8) for number in range(COUNT)]
    assert await ids("first: 100") == every
    assert await ids("orderBy: []") == every[:3], "the default page"
    assert await ids("last: 4") == every[-4:], "last without before"
    assert await ids("first: 3, offset: 5") == every[5:8]
    assert await ids("first: 3, offset: 99") == []
    nothing = await connection(house, "items", "id", "first: 0", BOSS)
    info = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert nothing == {"edges": [], "pageInfo": info}
    nothing = await connection(house, "items", "id", "last: 0", BOSS)
    assert nothing == {"edges": [], "pageInfo": info | {"hasNextPage": False, "hasPreviousPage": True}}
    middle = (await connection(house, "items", "id", "first: 3, offset: 5", BOSS))["edges"]
    first, last = (edge["cursor"] for edge in (middle[0], middle[-1]))
    assert await ids(f'first: 100, after: "{first}", before: "{last}"') == every[6:7]
    assert await ids(f'last: 100, after: "{first}", before: "{last}"') == every[6:7]
    assert await ids(f'first: 2, offset: 1, after: "{first}"') == every[7:9]


async def test_cursors_are_good_for_one_use_only(house: House) -> None:
    async def cursor(root: str, arguments: str, who: Caller = BOSS) -> str:
        page = await connection(house, root, "__typename", arguments, who)
        return str(page["edges"][0]["cursor"])

    by_name = await cursor("items", "first: 1, orderBy: [{name: ASC}]")
    text = "query ($c: String) { items(first: 1, after: $c, orderBy: [{name: ASC}] %s) { nodes { id } } }"
    with_kind = text.replace("$c: String", "$c: String, $k: String") % ", where: {kind: {eq: $k}}"
    good = {"c": by_name}
    assert "data" in await house.ask(text % "", BOSS, good)
    flipped = by_name[:-1] + ("A" if by_name[-1] != "A" else "B")
    swapped = by_name[1] + by_name[0] + by_name[2:]
    bad = {
        "another caller": (text % "", CLERK, good),
        "another order": (text.replace("name: ASC", "name: DESC") % "", BOSS, good),
        "another column": (text.replace("name: ASC", "kind: ASC") % "", BOSS, good),
        "another filter": (with_kind, BOSS, good | {"k": "k1"}),
        "another product": ("query ($c: String) { lockers(after: $c) { nodes { code } } }", BOSS, good),
        "another list": (
            "query ($c: String) { items { nodes { parts(after: $c) { nodes { no } } } } }",
            BOSS,
            {"c": await cursor("parts", "first: 1")},
        ),
        "flipped": (text % "", BOSS, {"c": flipped}),
        "swapped": (text % "", BOSS, {"c": swapped if swapped != by_name else "x" + by_name}),
        "cut": (text % "", BOSS, {"c": by_name[:-4]}),
        "longer": (text % "", BOSS, {"c": by_name + "AAAA"}),
        "empty": (text % "", BOSS, {"c": ""}),
        "no base64": (text % "", BOSS, {"c": "é*!"}),
        "huge": (text % "", BOSS, {"c": "A" * 100_000}),
        "plain JSON": (text % "", BOSS, {"c": '["a","1"]'}),
    }
    for why, (query, who, variables) in bad.items():
        assert await house.ask(query, who, variables) == {"refused": ["CH110"]}, why
    filtered = await cursor("items", 'first: 1, orderBy: [{name: ASC}], where: {kind: {eq: "k1"}}')
    assert "data" in await house.ask(with_kind, BOSS, {"c": filtered, "k": "k2"}), "values of a filter may change"


async def test_node_ids(house: House) -> None:
    node = "query ($id: ID!) { node(id: $id) { nodeId __typename ... on Item { secret } ... on Locker { code size } } }"
    for who in (CLERK, BOSS):
        said = await house.ask("{ items { nodes { nodeId secret } } lockers { nodes { nodeId code size } } }", who)
        data = said["data"]
        for type_, root in (("Item", "items"), ("Locker", "lockers")):
            for row in data[root]["nodes"]:
                found = await house.ask(node, who, {"id": row["nodeId"]})
                assert found == {"data": {"node": row | {"__typename": type_}}}
        other = BOSS if who is CLERK else CLERK
        nothing = {"data": {"node": None}}
        mine = data["items"]["nodes"][0]["nodeId"]
        assert await house.ask(node, other, {"id": mine}) == nothing
        for mangled in (mine[:-1], mine + "A", "", "x", "é", "A" * 10_000):
            assert await house.ask(node, who, {"id": mangled}) == nothing
        text = "{ items(first: 1) { edges { cursor } } }"
        cursor = (await house.ask(text, who))["data"]["items"]["edges"][0]["cursor"]
        assert await house.ask(node, who, {"id": cursor}) == nothing, "a cursor is no node id"


async def test_a_column_that_is_never_null_is_sought_without_asking_for_nulls(tmp_path: Path) -> None:
    """Only where the caller sees it clear on every row: a mask or a row-wise grant may take any value away."""
    async with House.open(place("paging", tmp_path / "p", "duckdb", statements())) as house:

        async def statement(order: str, who: Caller) -> str:
            page = await connection(house, "items", "id", f"orderBy: {order}, first: 2", who)
            after = page["pageInfo"]["endCursor"]  # type: ignore[index]
            text = f'{{ items(orderBy: {order}, first: 2, after: "{after}") {{ nodes {{ id }} }} }}'
            (step,) = house.engine.prepare(Operation("graphql", text), who).ready.plan.steps
            assert isinstance(step, Fetch)
            return step.statement.text

        sought = await statement("[{kind: ASC}]", BOSS)
        assert "IS NULL" not in sought
        assert '"t0"."kind" >= ' in sought
        assert "IS NULL" in await statement("[{price: ASC}]", BOSS)
