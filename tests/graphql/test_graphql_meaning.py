"""What compiled queries mean, run on DuckDB: pages cover a list once, and filters hold for the rows they should.

The logical tables stand in the database under their logical names, with their identity and link columns; the logical
functions used here are macros or rewritten below, so that nothing but this front end is under test.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
import pytest
import yaml
from sqlglot import exp

from schema.query import Block, LogicalQuery, Slot
from tests.graphql.asking import ask, front_end, opener

HERE = Path(__file__).parent
ROWS = 60


def _warehouse() -> duckdb.DuckDBPyConnection:
    """Flights with many nulls and ties, some planes, some bookings."""
    dice = random.Random(7)
    db = duckdb.connect()
    db.execute("CREATE SCHEMA operations; CREATE SCHEMA customers")
    db.execute("""CREATE TABLE operations.flights (
      id BIGINT, carrier TEXT, dep_delay INT, fare DECIMAL(10,2), is_late BOOLEAN, tailnum TEXT, "~key.0" BIGINT,
      "~operations.flights.plane.0" TEXT, "~operations.flights.bookings.0" BIGINT,
      "~operations.planes.flights.0" TEXT)""")
    for id_ in range(ROWS):
        delay, fare = dice.choice([None, -3, 0, 15]), dice.choice([None, "9.50", "20.00"])
        tail = dice.choice([None, "N1", "N2", "N9"])
        values = [id_, dice.choice(["UA", "DL", None]), delay, fare, None if delay is None else delay > 10, tail, id_]
        db.execute("INSERT INTO operations.flights VALUES (?,?,?,?,?,?,?,?,?,?)", [*values, tail, id_, tail])
    db.execute('CREATE TABLE operations.planes (tailnum TEXT, model TEXT, seats INT, "~key.0" TEXT,'
               ' "~operations.flights.plane.0" TEXT, "~operations.planes.flights.0" TEXT)')  # fmt: skip
    for tail, model, seats in (("N1", "737", 150), ("N2", None, None), ("N3", "50%_off", 1)):
        db.execute("INSERT INTO operations.planes VALUES (?,?,?,?,?,?)", [tail, model, seats, tail, tail, tail])
    return db


def _bound(slot: Slot, variables: dict[str, object]) -> object:
    if slot.origin == "cursor":
        text = slot.value if slot.value is not None else variables[str(slot.path[0])]
        return opener("cursor", str(text), slot.seal)[slot.index]
    value = slot.value if slot.origin == "constant" else variables[str(slot.path[0])]
    if slot.transform is not None and isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before, after = {"like_contains": ("%", "%"), "like_starts": ("", "%"), "like_ends": ("%", "")}[slot.transform]
        return before + escaped + after
    return value


def _run(
    db: duckdb.DuckDBPyConnection, query: LogicalQuery, block: Block, variables: dict[str, object]
) -> list[tuple[object, ...]]:
    """The rows of a block, in the wanted order."""
    binds: dict[str, object] = {}

    def bind(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            slot = query.slots[node.name]
            binds[slot.name] = _bound(slot, variables)
            kind = f"{slot.type}[]" if slot.many else str(slot.type)
            spelt = {"string": "TEXT", "string[]": "TEXT[]"}.get(kind, kind)
            return exp.maybe_parse(f"CAST(${slot.name} AS {spelt})", dialect="duckdb")
        return node

    def lower(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous):
            args = node.expressions
            match node.name:
                case "CH_TEXT":
                    return exp.cast(args[0], "text")
                case "CH_IN":
                    return exp.Anonymous(this="list_contains", expressions=[args[1], args[0]])
                case "CH_CONTAINS":
                    return exp.Anonymous(this="like_escape", expressions=[*args, exp.Literal.string("\\")])
                case "CH_ICONTAINS":
                    return exp.Anonymous(this="ilike_escape", expressions=[*args, exp.Literal.string("\\")])
        return node

    text = block.select.transform(lower).transform(bind).sql(dialect="duckdb")
    rows = db.execute(text, binds).fetchall()
    return rows[::-1] if block.reverse else rows


ORDERS = ["ASC", "DESC", "ASC_NULLS_FIRST", "ASC_NULLS_LAST", "DESC_NULLS_FIRST", "DESC_NULLS_LAST"]
COLUMNS = ["carrier", "depDelay", "fare", "isLate"]
PAGES = """query ($o: [FlightOrderBy!], $c: String) {
  flights(orderBy: $o, %s: $size, %s: $c) { edges { cursor node { id } } }
}"""


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_pages_cover_a_list_once_in_its_order(backward: bool) -> None:
    db, dice, frontend = _warehouse(), random.Random(11), front_end()
    for _ in range(12):
        order = [{name: dice.choice(ORDERS)} for name in dice.sample(COLUMNS, dice.randint(0, 3))]
        size = dice.choice([4, 7, 20])
        whole = ask(
            frontend,
            "query ($o: [FlightOrderBy!]) { a: flights(orderBy: $o, first: 50) { nodes { id } } }",
            {"o": order},
        )
        select = whole.blocks[0].select.copy()
        select.set("limit", None)
        wanted = [row[0] for row in db.execute(select.sql(dialect="duckdb")).fetchall()]
        assert len(wanted) == ROWS
        text = PAGES.replace("$size", str(size)) % (("last", "before") if backward else ("first", "after"))
        found: list[object] = []
        cursor: str | None = None
        while True:
            variables: dict[str, object] = {"o": order, "c": cursor}
            query = ask(frontend, text, variables)
            rows = _run(db, query, query.blocks[0], {"c": cursor})
            if not rows:
                break
            ids = [row[-1] for row in rows]
            found = [*ids, *found] if backward else [*found, *ids]
            cursor = json.dumps(rows[0 if backward else -1][:-1])
        assert found == wanted, order


def test_between_two_cursors_lie_the_rows_between_them() -> None:
    db, frontend = _warehouse(), front_end()
    order = "orderBy: [{depDelay: DESC}, {fare: ASC_NULLS_FIRST}]"
    whole = ask(frontend, f"{{ flights({order}, first: 50) {{ edges {{ cursor node {{ id }} }} }} }}")
    rows = _run(db, whole, whole.blocks[0], {})
    after, before = (json.dumps([None if v is None else str(v) for v in rows[at][:-1]]) for at in (4, 31))
    query = ask(
        frontend,
        f"query ($a: String, $b: String) {{ flights({order}, after: $a, before: $b, first: 50) {{ nodes {{ id }} }} }}",
        {"a": after, "b": before},
    )
    assert [row[0] for row in _run(db, query, query.blocks[0], {"a": after, "b": before})] == [
        row[-1] for row in rows[5:31]
    ]


@pytest.mark.parametrize("case", yaml.safe_load((HERE / "filters.yaml").read_text()), ids=lambda case: case["where"])
def test_filters_hold_for_the_rows_they_should(case: dict[str, object]) -> None:
    db = duckdb.connect()
    db.execute("CREATE SCHEMA operations")
    db.execute(
        """CREATE TABLE operations.planes
        (tailnum TEXT, model TEXT, seats INT, "~key.0" TEXT, "~operations.planes.flights.0" TEXT)"""
    )
    db.execute('CREATE TABLE operations.flights (carrier TEXT, dep_delay INT, "~operations.planes.flights.0" TEXT)')
    db.execute("""INSERT INTO operations.planes VALUES
      ('A', '737', 150, 'A', 'A'), ('B', '50%_off', 2, 'B', 'B'), ('C', NULL, NULL, 'C', 'C'),
      ('D', 'a\\b', 2, 'D', 'D')""")
    db.execute(
        "INSERT INTO operations.flights VALUES ('UA', 5, 'A'), ('UA', NULL, 'A'), ('DL', 30, 'B'), ('UA', 1, NULL)"
    )
    query = ask(front_end(), f"{{ planes(where: {case['where']}) {{ nodes {{ tailnum }} }} }}")
    assert "".join(str(row[0]) for row in _run(db, query, query.blocks[0], {})) == case["rows"]
