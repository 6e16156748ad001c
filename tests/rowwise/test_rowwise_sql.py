"""The two renderings of a policy say the same: the row function, and the governed relation run by DuckDB.

Random policies out of a stock of rules, random papers, random rows, nasty ones among them.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from policies.condition import Moment
from policies.decide import decide
from policies.govern import localized
from policies.guard import guard_tuple
from policies.raw import RawTable
from policies.relation import governed_relation
from policies.rules import PolicySet
from resolvers.backends import binding
from resolvers.backends.duckdb_dialect import DuckDBDialect
from schema.caller import Caller
from schema.query import Slot
from schema.sqltype import data_type
from schema.types import STRING, TIMESTAMP, Kind
from tests.masks.cells import KEYS, wire
from tests.policies.house import caller
from tests.rowwise.house import CATALOG, FLIGHTS, MINUTE, facts, governed, policies, types

RUNS = int(os.environ.get("CUSTOMHOUSE_ROWWISE_RUNS", "50"))
PLANES = "operations.planes"
COLUMNS = [name for name in types(FLIGHTS) if name not in ("notes", "crew")]
CONDITIONS = [
    "carrier IN claims.carriers",
    "carrier NOT IN claims.carriers",
    "carrier = claims.tenant OR dep_delay > claims.level",
    "NOT (carrier = 'UA' AND claims.admin)",
    "dep_delay BETWEEN -1 AND 1",
    "dep_delay IN claims.levels OR is_open",
    "is_late",
    "NOT is_late OR origin IS NULL",
    "origin LIKE 'J%' OR LOWER(origin) = 'é'",
    "COALESCE(carrier, origin) = 'UA'",
    "CASE WHEN is_open THEN carrier = 'UA' ELSE dep_delay < 0 END",
    "day >= claims.since",
    "departed < request.time",
    "distance > claims.ratio",
    "fare_total * 2 > 10.5",
    "plane.manufacturer = 'BOEING'",
    "plane.seats IS NULL OR plane.seats > 1",
    "carrier IN (SELECT carrier FROM internal.entitlements WHERE login = claims.sub)",
    "request.purpose = 'fraud' AND carrier = 'UA'",
    "region = request.region",
]
GUARDS = ["'ops' IN claims.roles", "claims.admin", "NOT claims.admin", "request.purpose = 'fraud'", "claims.level > 0"]
LISTS = [
    "{allow: ['*']}",
    "{allow: [carrier, fare_total, id, tailnum]}",
    "{allow: ['*'], except: [{tag: commercial}, origin]}",
    "{allow: [{tag: ops}, dep_delay]}",
]
MASKS = {
    "tailnum": ["redact", "token", "{hash: {length: 8}}", "{partial: {last: 2}}", "'null'", '{sql: "LEFT(value, 1)"}'],
    "carrier": ["{generalize: {map: {UA: big}, other: small}}", "default", "{regex: {pattern: '[A-Z]', replace: x}}"],
    "fare_total": ["{bucket: 10}", "{round: 1}", "{constant: 9.5}"],
    "dep_delay": ["{bucket: 2}", "{round: -1}", "default"],
    "distance": ["{bucket: 0.5}", "{round: 1}", "'null'"],
    "day": ["{date: month}", "{date: week}"],
    "departed": ["{date: day}", "default"],
    "ref": ["hash", "default"],
    "is_open": ["{constant: true}", "'null'"],
}
TAGS = {"tailnum": "ops", "fare_total": "commercial"}
ON = f"{{products: [{FLIGHTS}]}}"


def maybe(key: str, texts: list[str]) -> st.SearchStrategy[str]:
    return st.just("") | st.sampled_from(texts).map(lambda text: f', {key}: "{text}"')


@st.composite
def documents(draw: st.DrawFn, conditions: list[str] = CONDITIONS) -> str:
    """A policy file: one to three grants, and some of everything else."""
    lines = ["grants:"]
    masked = draw(st.lists(st.sampled_from(sorted(MASKS)), max_size=4, unique=True))
    for number in range(draw(st.integers(1, 3))):
        columns = draw(st.just("") | st.sampled_from(LISTS).map(lambda text: f", columns: {text}"))
        rule = draw(maybe("when", GUARDS)) + draw(maybe("rows", conditions)) + columns
        lifts = [f"{{column: {FLIGHTS}.{name}}}" for name in masked if draw(st.integers(0, 3)) == 0]
        if not columns and lifts:
            rule += f", clear: [{', '.join(lifts)}]"
        lines.append(f"  - {{name: g{number}, on: {ON}{rule}}}")
    lines.append("row_filters:" if (filters := draw(st.integers(0, 2))) else "row_filters: []")
    for number in range(filters):
        rows = draw(st.sampled_from(conditions))
        lines.append(f'  - {{name: f{number}, on: {ON}, rows: "{rows}"{draw(maybe("bypass", GUARDS))}}}')
    lines.append("denies:" if (denies := draw(st.integers(0, 2))) else "denies: []")
    for number in range(denies):
        columns = draw(st.sampled_from(["", ", columns: [fare_total, carrier]"]))
        on = f"{{products: [{FLIGHTS}]{columns}}}"
        lines.append(f"  - {{name: d{number}, on: {on}{draw(maybe('when', GUARDS))}{draw(maybe('rows', conditions))}}}")
    lines.append("masks:" if masked else "masks: []")
    for name in masked:
        places = [("c", f"{{column: {FLIGHTS}.{name}}}")]
        if name in TAGS:
            places.append(("t", f"{{tag: {TAGS[name]}, products: [{FLIGHTS}]}}"))
        for level, on in places:
            reveal = draw(maybe("reveal_when", conditions))
            lines.append(f"  - {{name: {level}-{name}, on: {on}, mask: {draw(st.sampled_from(MASKS[name]))}{reveal}}}")
    told = ", discloses: {reason: a test}"
    return "\n".join(f"{line[:-1]}{told}}}" if "rows: " in line or "reveal_when: " in line else line for line in lines)


words = st.sampled_from(["UA", "DL", "ua", "JFK", "", "é", "a@b.example", "'"])
whole = st.sampled_from([-(2**31), -2, -1, 0, 1, 2, 16, 2**31 - 1])
ROWS = st.fixed_dictionaries(
    {
        "id": st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63)]),
        "carrier": st.none() | words,
        "origin": st.none() | words,
        "tailnum": st.none() | st.sampled_from(["N1", "N2", "N9", ""]),
        "dep_delay": st.none() | whole,
        "distance": st.none() | st.sampled_from([0.0, -0.0, 0.3, -2.5, 1e300, 5e-324, float("inf")]),
        "fare_total": st.none()
        | st.sampled_from(["0.00", "5.25", "-0.01", "9999999999.99", "-9999999999.99"]).map(Decimal),
        "region": st.none() | st.sampled_from(["eu-west-1", "x"]),
        "day": st.none() | st.sampled_from([date(2013, 1, 31), date(1, 1, 1), date(9999, 12, 31)]),
        "departed": st.none()
        | st.sampled_from([datetime(2013, 6, 1, 12, 30, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]),
        "is_open": st.none() | st.booleans(),
        "ref": st.none() | st.just(UUID(int=7)),
    }
)
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "roles": st.lists(st.sampled_from(["ops", "x", None]), max_size=2),
        "carriers": st.lists(words | st.none(), max_size=3),
        "levels": st.lists(st.integers(-2, 2), max_size=3),
        "tenant": words,
        "sub": st.just("ana"),
        "level": st.integers(-2, 2),
        "admin": st.booleans(),
        "since": st.sampled_from(["2013-01-01", "0001-01-01"]),
        "ratio": st.sampled_from([0.25, 0.3, -1.0]),
    },
)
RELATED: dict[str, list[dict[str, Any]]] = {
    PLANES: [
        {"tailnum": "N1", "manufacturer": "BOEING", "seats": 2, "secret": "s"},
        {"tailnum": "N2", "manufacturer": None, "seats": None, "secret": None},
    ]
}


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA IF NOT EXISTS main")
    for product in (FLIGHTS, PLANES):
        columns = [column for column in CATALOG.products[product].columns.values() if column.expression is None]
        spelt = ", ".join(f'"{c.name}" {data_type(c.type).sql(dialect="duckdb")}' for c in columns)
        extra = ", n INTEGER" if product == FLIGHTS else ""
        connection.execute(f"CREATE TABLE {product.split('.')[1]} ({spelt}{extra})")
    for row in RELATED[PLANES]:
        connection.execute("INSERT INTO planes VALUES (?, ?, ?, ?)", list(row.values()))
    return connection


def ask(
    engine: duckdb.DuckDBPyConnection, loaded: PolicySet, who: Caller, rows: list[dict[str, Any]], entitled: list[str]
) -> dict[int, dict[str, object]]:
    """The governed rows by number, in wire form, as the engine gives them."""
    engine.execute("DELETE FROM flights")
    for number, row in enumerate(rows):
        given = {**row, "n": number}
        marks = ", ".join("?" for _ in given)
        engine.execute(f"INSERT INTO flights ({', '.join(given)}) VALUES ({marks})", list(given.values()))
    product, rules = CATALOG.products[FLIGHTS], loaded.rules[who.zone][FLIGHTS]
    guards = guard_tuple(rules, who, Moment(MINUTE, who.region))
    decision = decide(rules, guards, frozenset(COLUMNS), localized(product, rules, CATALOG, who.zone))
    raw = RawTable(product, CATALOG, loaded.derived.get(FLIGHTS, {}), None, lambda other: exp.select())
    relation = governed_relation(CATALOG, raw, decision, COLUMNS).select
    relation = relation.select(exp.alias_(exp.column("n", table="s"), "n", quoted=True))
    dialect = DuckDBDialect()
    items = [
        exp.alias_(dialect.wire(exp.column(name, table="g", quoted=True), types(FLIGHTS)[name]), name)
        for name in COLUMNS
    ]
    outer = exp.select(exp.column("n", table="g", quoted=True), *items).from_(relation.subquery("g"))
    statement = dialect.render(outer, {node.name: slot(loaded, node.name) for node in outer.find_all(exp.Placeholder)})
    bound = binding.values(statement, lambda wanted: value(wanted, who, entitled))
    return {
        found[0]: dict(zip(COLUMNS, found[1:], strict=True))
        for found in engine.execute(statement.text, bound).fetchall()
    }


def slot(loaded: PolicySet, name: str) -> Slot:
    origin, _, path = name.partition(":")
    if origin == "claim":
        return Slot(name, CATALOG.claims[path].type, "claim", many=CATALOG.claims[path].many, path=(path,))
    if origin == "entitlement":
        return Slot(name, loaded.entitlements[path].type, "entitlement", many=True, path=(path,))
    if origin == "request":
        return Slot(name, TIMESTAMP if path == "time" else STRING, "request", path=(path,))
    return Slot(name, STRING, "secret", path=(path,))


def value(wanted: Slot, who: Caller, entitled: list[str]) -> object:
    path = str(wanted.path[0])
    match wanted.origin:
        case "claim":
            return who.claims[path]
        case "entitlement":
            return entitled
        case "request":
            now = datetime.fromtimestamp(MINUTE * 60, UTC)
            return {"time": now, "zone": who.zone, "purpose": who.purpose, "region": who.region}[path]
        case _:
            return KEYS[path]


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    documents(),
    CLAIMS,
    st.none() | st.just("fraud"),
    st.lists(ROWS, min_size=6, max_size=6),
    st.lists(words, max_size=2),
)
def test_both_renderings_agree(
    engine: duckdb.DuckDBPyConnection,
    text: str,
    claims: dict[str, Any],
    purpose: str | None,
    rows: list[dict[str, Any]],
    entitled: list[str],
) -> None:
    loaded = policies(text)
    who = caller(claims, purpose=purpose)
    given_facts = facts(related=RELATED.__getitem__, entitlements=dict.fromkeys(loaded.entitlements, tuple(entitled)))
    govern = governed(text, FLIGHTS, who, given_facts)
    ours = {}
    for number, row in enumerate(rows):
        late = None if row["dep_delay"] is None else row["dep_delay"] > 15
        seen = govern({**row, "is_late": late})
        if seen is not None:
            ours[number] = {name: spelt(seen[name], name) for name in COLUMNS}
    theirs = {
        n: {name: read(cell, name) for name, cell in row.items()}
        for n, row in ask(engine, loaded, who, rows, entitled).items()
    }
    assert ours == theirs, text


def spelt(found: object, name: str) -> object:
    return wire(found, types(FLIGHTS)[name])


def read(cell: object, name: str) -> object:
    return float(cell) if types(FLIGHTS)[name].kind is Kind.FLOAT and isinstance(cell, str) else cell
