"""Random GraphQL questions over tables, features and scores, the same for the same seed: selections, roots by key,
filters under and / or / not and some / none / every, orders, pages, figures and groups, tokens.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.leak.keyed.seen import Persona
from tests.leak.questions import camel

COLUMNS: dict[str, dict[str, str]] = {
    "orders": {
        "id": "BigInt", "region": "String", "customer": "String", "item": "String", "day": "Date", "amount": "Float",
        "weight": "Int", "note": "String", "slot": "Date",
    },
    "items": {"item": "String", "region": "String", "price": "Float"},
    "stays": {"id": "BigInt", "region": "String", "item": "String", "person": "String", "spent": "Float"},
    "visits": {"id": "BigInt", "region": "String", "item": "String", "person": "String", "spent": "Float"},
    "itemFeatures": {
        "item": "String", "region": "String", "computed": "Timestamp", "demand": "Float", "margin": "Decimal",
        "grade": "String", "owner": "String", "hidden": "Boolean",
    },
    "customerScores": {"customer": "String", "score": "Float", "tier": "String"},
    "dayLoads": {"day": "Date", "load": "Float"},
    "slots": {"day": "Date", "title": "String"},
    "itemTrips": {"item": "String", "computed": "Timestamp", "trips": "Int"},
    "risk": {"probability": "Float", "label": "String"},
    "cost": {"doubled": "Float", "rank": "String"},
    "guess": {"said": "String"},
    "second": {"said": "String"},
}  # fmt: skip
SAID = {
    "itemFeatures": ["status", "asOf", "stale"], "itemTrips": ["status", "asOf", "stale"],
    "customerScores": ["status"], "dayLoads": ["status"], "risk": ["modelVersion"],
}  # fmt: skip
ONE = {
    "orders": {
        "product": "items", "itemFeatures": "itemFeatures", "customerScore": "customerScores",
        "dayLoad": "dayLoads", "slotLoad": "dayLoads", "slotInfo": "slots",
        "trips": "itemTrips", "risk": "risk", "farRisk": "risk", "cost": "cost", "guess": "guess", "second": "second",
    },
    "items": {"features": "itemFeatures"},
    "stays": {"itemFeatures": "itemFeatures", "risk": "risk"},
    "visits": {"itemFeatures": "itemFeatures"},
}  # fmt: skip
MANY = {"items": {"orders": "orders"}}
KEYED = {
    "itemFeatures": "itemFeature",
    "customerScores": "customerScore",
    "dayLoads": "dayLoad",
    "itemTrips": "itemTrip",
}
INPUTS = {
    "risk": {"weight": "Float", "amount": "Float", "demand": "Float"}, "cost": {"amount": "Float"},
    "guess": {"customer": "String", "weight": "Float"}, "second": {"probability": "Float", "note": "String"},
}  # fmt: skip
KEY_FIELDS = {
    "itemFeatures": ("item", "region"), "customerScores": ("customer",), "dayLoads": ("day",), "itemTrips": ("item",),
}  # fmt: skip
SAMPLES: dict[str, Sequence[object]] = {
    "BigInt": [1, 3, 7, 12],
    "Int": [-2, 0, 3, 5],
    "Float": [0, 0.1, 0.5, 12.5, 100, 150, 200, 500],
    "Decimal": ["0", "100", "150.5"],
    "Date": ["2024-01-01", "2024-02-01", "2024-02-09", "2024-03-31"],
    "Timestamp": ["2023-11-10T00:00:00Z", "2023-11-14T21:13:20Z"],
    "String": ["EU", "US", "pen", "ink", "cup", "x", "a", "ann", "late", "high", "0.1", "CANARY", "%"],
}
ORDERS = ("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST")
STAFF = {name: sorted(set(columns) - {"note", "owner", "hidden"}) for name, columns in COLUMNS.items()}


UNPUBLISHED = {"slots", "guess", "second"}
WITHHELD = {"orders": {"note", "slot"}, "itemFeatures": {"grade"}, "stays": {"person"}, "visits": {"person"}}
LEFT_OUT = frozenset({"slotLoad", "slotInfo", "farRisk", "guess", "second"})
"""What the zone of partners does not show."""


def known(who: Persona) -> Mapping[str, list[str]]:
    """What the persona may ask for."""
    found = _granted(who)
    if who.zone == "internal":
        return found
    shown = {name: columns for name, columns in found.items() if name not in UNPUBLISHED}
    return {name: sorted(set(columns) - WITHHELD.get(name, set())) for name, columns in shown.items()}


def _granted(who: Persona) -> Mapping[str, list[str]]:
    if who.root:
        return {name: list(columns) for name, columns in COLUMNS.items()}
    if "staff" in who.roles:
        return STAFF
    if "clerk" in who.roles:
        return {"orders": STAFF["orders"], "itemFeatures": STAFF["itemFeatures"], "cost": ["doubled"]}
    return {"orders": ["id", "weight", "amount"], "risk": ["label"]}


@dataclass
class Questioner:
    """``rows`` are the lists that may be asked, ``tokens`` texts that may be tokens."""

    dice: random.Random
    columns: Mapping[str, list[str]]
    tokens: Sequence[str] = ()
    more: Mapping[str, list[str]] = field(default_factory=lambda: {n: list(c) for n, c in COLUMNS.items()})

    left_out: frozenset[str] = frozenset()

    def question(self) -> str:
        """One question in twelve goes beyond what is known."""
        known = self.columns, self.left_out
        if self.dice.random() < 0.08:
            self.columns, self.left_out = self.more, frozenset()
        try:
            return "{" + " ".join(self._root(f"r{n}") for n in range(self.dice.choice([1, 1, 2]))) + "}"
        finally:
            self.columns, self.left_out = known

    def pages(self) -> tuple[str, str]:
        """A page with its cursors, and the next or the one before, with ``@`` for the cursor."""
        table, back = self._table(("orders", "stays")), self.dice.random() < 0.4
        arguments = [f"orderBy: [{self._order(table)}, {self._order(table)}]", *self._where_argument(table, 0.5)]
        inner = f"{{ totalCount edges {{ cursor node {{ {self._fields(table, 1)} }} }} pageInfo {{ endCursor }} }}"
        size = self.dice.choice([1, 2, 3])
        first, after = ("last", "before") if back else ("first", "after")
        start = ", ".join([*arguments, f"{first}: {size}"])
        return f"{{ {table}({start}) {inner} }}", f'{{ {table}({start}, {after}: "@") {inner} }}'

    def _table(self, among: Sequence[str] = ("orders", "orders", "orders", "items", "stays", "visits")) -> str:
        return self.dice.choice([name for name in among if name in self.columns])

    def _root(self, alias: str) -> str:
        roll = self.dice.random()
        if roll < 0.12 and (keyed := [name for name in KEYED if name in self.columns]):
            return f"{alias}: {self._by_key(self.dice.choice(keyed))}"
        if roll < 0.2:
            model = self.dice.choice([name for name in INPUTS if name in self.columns])
            inputs = ", ".join(self._object(INPUTS[model]) for _ in range(self.dice.randint(0, 3)))
            return f"{alias}: predict{model.title()}(inputs: [{inputs}]) {{ {self._fields(model, 2)} }}"
        if roll < 0.25 and self.tokens:
            token = json.dumps(self.dice.choice(self.tokens))
            return f"{alias}: ordersDetokenize(column: CUSTOMER, token: {token})"
        table = self._table()
        if roll < 0.4 or table == "visits":
            where = self._call(self._where_argument(table, 0.8))
            return f"{alias}: {table}Aggregate{where} {{ {self._figures(table)} }}"
        if roll < 0.5:
            return f"{alias}: {self._groups(table)}"
        return f"{alias}: {table}{self._arguments(table)} {self._connection(table, 0)}"

    def _by_key(self, name: str) -> str:
        kinds = {key: COLUMNS[name][key] for key in KEY_FIELDS[name]}
        inner = f"{{ {self._fields(name, 2)} }}"
        if self.dice.random() < 0.5:
            return f"{KEYED[name]}({self._object(kinds)[1:-1]}) {inner}"
        keys = ", ".join(self._object(kinds) for _ in range(self.dice.randint(0, 4)))
        return f"{name}ByKeys(keys: [{keys}]) {inner}"

    def _object(self, kinds: Mapping[str, str]) -> str:
        return "{" + ", ".join(f"{name}: {self._sample(kind, name)}" for name, kind in kinds.items()) + "}"

    def _sample(self, kind: str, name: str) -> str:
        if name == "region":
            return json.dumps(self.dice.choice(["EU", "US"]))
        if name == "item":
            return json.dumps(self.dice.choice(["pen", "ink", "map", "cup", "tag", "none"]))
        if name == "customer":
            return json.dumps(self.dice.choice(["ann", "bob", "cy", "dee", *self.tokens]))
        return json.dumps(self.dice.choice(SAMPLES[kind]))

    def _arguments(self, table: str) -> str:
        parts = self._where_argument(table, 0.65)
        if self.dice.random() < 0.5:
            chosen = [self._order(table) for _ in range(self.dice.choice([1, 2]))]
            parts.append(f"orderBy: [{', '.join(chosen)}]")
        if self.dice.random() < 0.7:
            parts.append(f"{self.dice.choice(['first', 'first', 'last'])}: {self.dice.choice([0, 1, 3, 20])}")
            if "first" in parts[-1] and self.dice.random() < 0.2:
                parts.append(f"offset: {self.dice.choice([0, 1, 4])}")
        return self._call(parts)

    def _call(self, parts: Sequence[str]) -> str:
        return f"({', '.join(parts)})" if parts else ""

    def _order(self, table: str) -> str:
        direction = self.dice.choice(ORDERS)
        ways = [(way, to) for way, to in self._ways(ONE, table) if to not in ("items", "slots")]
        if ways and self.dice.random() < 0.5:
            way, to = self.dice.choice(ways)
            return f"{{{way}: {{{camel(self.dice.choice(self.columns[to]))}: {direction}}}}}"
        return f"{{{camel(self.dice.choice(self.columns[table]))}: {direction}}}"

    def _connection(self, table: str, depth: int) -> str:
        inner = f"nodes {{ {self._fields(table, depth)} }}"
        inner += " totalCount" if self.dice.random() < 0.3 else ""
        inner += " pageInfo { hasNextPage hasPreviousPage }" if self.dice.random() < 0.2 else ""
        return f"{{ {inner} }}"

    def _fields(self, name: str, depth: int) -> str:
        names = self.columns[name]
        fields = [camel(found) for found in self.dice.sample(names, self.dice.randint(1, len(names)))]
        fields += [word for word in SAID.get(name, []) if self.dice.random() < 0.4]
        for way, to in self._ways(ONE, name):
            if depth < 3 and self.dice.random() < 0.3:
                fields.append(f"{way} {{ {self._fields(to, depth + 1)} }}")
        for way, to in self._ways(MANY, name):
            if depth < 2 and self.dice.random() < 0.4:
                fields.append(f"{way}{self._arguments(to)} {self._connection(to, depth + 1)}")
        return " ".join(fields)

    def _ways(self, among: Mapping[str, Mapping[str, str]], name: str) -> list[tuple[str, str]]:
        """The relationships that may be asked along, with their ends."""
        return [(way, to) for way, to in among.get(name, {}).items() if to in self.columns and way not in self.left_out]

    def _where_argument(self, table: str, chance: float) -> list[str]:
        return [f"where: {self._where(table, 0)}"] if self.dice.random() < chance else []

    def _where(self, name: str, depth: int) -> str:
        roll = self.dice.random()
        if depth < 3 and roll < 0.25:
            word = self.dice.choice(["and", "or"])
            return f"{{{word}: [{self._where(name, depth + 1)}, {self._where(name, depth + 1)}]}}"
        if depth < 3 and roll < 0.35:
            return f"{{not: {self._where(name, depth + 1)}}}"
        if depth < 3 and roll < 0.45:
            return "{" + ", ".join(sorted({self._condition(name), self._related(name, depth)})) + "}"
        return "{" + (self._related(name, depth) if depth < 3 and roll < 0.75 else self._condition(name)) + "}"

    def _related(self, name: str, depth: int) -> str:
        ways, many = self._ways(ONE, name), self._ways(MANY, name)
        if many and self.dice.random() < 0.5:
            way, to = self.dice.choice(many)
            return f"{way}: {{{self.dice.choice(['some', 'none', 'every'])}: {self._where(to, depth + 1)}}}"
        if not ways:
            return self._condition(name)
        way, to = self.dice.choice(ways)
        return f"{way}: {self._where(to, depth + 1)}"

    def _condition(self, name: str) -> str:
        column = self.dice.choice(self.columns[name])
        kind = COLUMNS[name][column]
        if self.dice.random() < 0.2:
            return f"{camel(column)}: {{isNull: {self.dice.choice(['true', 'false'])}}}"
        if kind == "Boolean":
            return f"{camel(column)}: {{eq: {self.dice.choice(['true', 'false'])}}}"
        operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "notIn"]
        operators += ["contains", "startsWith", "icontains"] if kind == "String" else []
        operator = self.dice.choice(operators)
        samples = [json.loads(self._sample(kind, column)) for _ in range(2)]
        value = samples if operator in ("in", "notIn") else samples[0]
        return f"{camel(column)}: {{{operator}: {json.dumps(value)}}}"

    def _figures(self, table: str) -> str:
        numbers = [n for n in self.columns[table] if COLUMNS[table][n] in ("Int", "Float")] or ["id"]
        figures = ["count", f"countDistinct {{ {camel(self.dice.choice(self.columns[table]))} }}"]
        return " ".join([*figures, f"{self.dice.choice(['sum', 'avg'])} {{ {self.dice.choice(numbers)} }}"])

    def _groups(self, table: str) -> str:
        by = self.dice.choice(self.columns[table])
        parts = [f"by: [{{column: {by.upper()}}}]", *self._where_argument(table, 0.7)]
        parts += ["having: {count: {gte: 2}}"] if self.dice.random() < 0.3 else []
        return f"{table}Groups({', '.join(parts)}) {{ key {{ {camel(by)} }} {self._figures(table)} }}"
