"""Random GraphQL questions over what a persona may know, the same for the same seed.

Every list has a total order (the generated API adds the key); lists of a product whose key is masked are asked without
pages, and compared as multisets (their tie-break is a keyed hash, which no reference knows).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = {
    "crm.people": {
        "id": "BigInt", "name": "String", "email": "String", "phone": "String", "region": "String", "birth": "Date",
        "balance": "Decimal", "score": "Float", "vip": "Boolean", "manager_id": "BigInt", "notes": "String",
        "rich": "Boolean",
    },
    "crm.orders": {
        "id": "BigInt", "person_id": "BigInt", "store_code": "String", "badge_no": "String", "amount": "Decimal",
        "quantity": "Int", "placed_at": "Timestamp", "status": "String", "code": "String",
    },
    "crm.badges": {"badge_no": "String", "level": "Int", "colour": "String"},
    "geo.stores": {"code": "String", "name": "String", "region": "String", "lat": "Float", "opened": "Date"},
}  # fmt: skip
ROOTS = {"crm.people": "people", "crm.orders": "orders", "crm.badges": "badges", "geo.stores": "stores"}
ONE = {
    "crm.people": {"manager": "crm.people"},
    "crm.orders": {"person": "crm.people", "store": "geo.stores", "badge": "crm.badges"},
}
MANY = {
    "crm.people": {"orders": "crm.orders", "reports": "crm.people"},
    "crm.badges": {"orders": "crm.orders"},
    "geo.stores": {"orders": "crm.orders"},
}
SOURCE = {"crm.people": "main", "crm.orders": "main", "crm.badges": "main", "geo.stores": "side"}
ORDERS = ["ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST"]
SAMPLES = {
    "BigInt": [1, 2, 3, 7, 500],
    "Int": [-1, 0, 2, 5],
    "Float": [0.0, 1.5, -2.25],
    "Decimal": ["0", "100", "499.99", "-50"],
    "Date": ["1970-01-01", "1999-12-31", "2010-06-15"],
    "Timestamp": ["2024-02-01T00:00:00Z", "2024-06-15T12:00:00Z"],
    "String": ["EU", "US", "paid", "[redacted]", "CANARY", "S01", "c", "****", "hidden", "example", "%", "_", "\\"],
}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


@dataclass
class Questioner:
    """``columns`` are the visible column names by visible product; ``unpaged`` the products whose key is masked."""

    dice: random.Random
    columns: Mapping[str, list[str]]
    unpaged: frozenset[str] = frozenset()
    left_out: frozenset[tuple[str, str]] = frozenset()
    rootless: Mapping[str, set[str]] = field(default_factory=dict)
    """Relationships, and fields of Query by product, that are not asked for."""

    def question(self) -> str:
        roots = [self._root(f"r{n}") for n in range(self.dice.choice([1, 1, 1, 2]))]
        return "query Q { " + " ".join(roots) + " }"

    def _root(self, alias: str) -> str:
        product = self.dice.choice(sorted(self.columns))
        root = ROOTS[product]
        kinds = ["list", "list", "list", "aggregate", "groups"]
        kind = self.dice.choice([kind for kind in kinds if kind not in self.rootless.get(product, ())])
        if kind == "list":
            return f"{alias}: {root}{self._arguments(product)} {self._connection(product, 0)}"
        if kind == "aggregate":
            where = self._where_argument(product)
            return f"{alias}: {root}Aggregate{where} {{ {self._figures(product)} }}"
        return f"{alias}: {self._groups(product, root)}"

    def _arguments(self, product: str) -> str:
        parts = []
        if self.dice.random() < 0.6:
            parts.append("where: " + self._where(product, 0))
        if self.dice.random() < 0.6:
            chosen = self.dice.sample(self.columns[product], min(2, len(self.columns[product])))
            parts.append("orderBy: [" + ", ".join(f"{{{camel(c)}: {self.dice.choice(ORDERS)}}}" for c in chosen) + "]")
        if product not in self.unpaged:
            parts.append(f"{self.dice.choice(['first', 'first', 'last'])}: {self.dice.choice([0, 1, 3, 10, 100])}")
            if "first" in parts[-1] and self.dice.random() < 0.2:
                parts.append(f"offset: {self.dice.choice([0, 1, 4])}")
        return f"({', '.join(parts)})" if parts else ""

    def _connection(self, product: str, depth: int) -> str:
        inner = f"nodes {{ {self._fields(product, depth)} }}"
        if self.dice.random() < 0.3:
            inner += " totalCount"
        if self.dice.random() < 0.2 and product not in self.unpaged:
            inner += " pageInfo { hasNextPage hasPreviousPage }"
        return f"{{ {inner} }}"

    def _fields(self, product: str, depth: int) -> str:
        names = self.columns[product]
        fields = [camel(name) for name in self.dice.sample(names, self.dice.randint(1, len(names)))]
        if depth < 3:
            for name, target in ONE.get(product, {}).items():
                if self._leads(product, name, target) and self.dice.random() < 0.3:
                    fields.append(f"{name} {{ {self._fields(target, depth + 1)} }}")
            for name, target in MANY.get(product, {}).items():
                if not self._leads(product, name, target):
                    continue
                if self.dice.random() < 0.25:
                    fields.append(f"{name}{self._arguments(target)} {self._connection(target, depth + 1)}")
                if self.dice.random() < 0.15:
                    fields.append(f"{name}Aggregate{self._where_argument(target)} {{ {self._figures(target)} }}")
        return " ".join(fields)

    def _leads(self, product: str, name: str, target: str) -> bool:
        return target in self.columns and (product, name) not in self.left_out

    def _where_argument(self, product: str) -> str:
        return f"(where: {self._where(product, 0)})" if self.dice.random() < 0.6 else ""

    def _where(self, product: str, depth: int) -> str:
        roll = self.dice.random()
        if depth < 2 and roll < 0.15:
            word = self.dice.choice(["and", "or"])
            return f"{{{word}: [{self._where(product, depth + 1)}, {self._where(product, depth + 1)}]}}"
        if depth < 2 and roll < 0.25:
            return f"{{not: {self._where(product, depth + 1)}}}"
        related = [
            (name, target, many)
            for table, many in ((ONE, False), (MANY, True))
            for name, target in table.get(product, {}).items()
            if self._leads(product, name, target) and SOURCE[target] == SOURCE[product]
        ]
        if depth < 2 and related and roll < 0.5:
            name, target, many = self.dice.choice(related)
            inner = self._where(target, depth + 1)
            return (
                f"{{{name}: {{{self.dice.choice(['some', 'none', 'every'])}: {inner}}}}}"
                if many
                else f"{{{name}: {inner}}}"
            )
        return self._condition(product)

    def _condition(self, product: str) -> str:
        name = self.dice.choice(self.columns[product])
        kind = KINDS[product][name]
        if self.dice.random() < 0.2:
            return f"{{{camel(name)}: {{isNull: {self.dice.choice(['true', 'false'])}}}}}"
        if kind == "Boolean":
            return f"{{{camel(name)}: {{eq: {self.dice.choice(['true', 'false'])}}}}}"
        operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "notIn"]
        if kind == "String":
            operators += ["contains", "startsWith", "endsWith", "icontains"]
        operator = self.dice.choice(operators)
        samples = SAMPLES[kind]
        value = self.dice.sample(samples, 2) if operator in ("in", "notIn") else self.dice.choice(samples)
        return f"{{{camel(name)}: {{{operator}: {json.dumps(value)}}}}}"

    def _figures(self, product: str) -> str:
        figures = ["count"]
        numbers = [n for n in self.columns[product] if KINDS[product][n] in ("BigInt", "Int", "Float", "Decimal")]
        names = self.columns[product]
        if numbers:
            for word in self.dice.sample(["sum", "avg", "stddev"], 2):
                figures.append(f"{word} {{ {camel(self.dice.choice(numbers))} }}")
        comparable = [n for n in names if KINDS[product][n] != "Boolean"]
        if comparable:
            figures.append(f"{self.dice.choice(['min', 'max'])} {{ {camel(self.dice.choice(comparable))} }}")
        figures.append(f"countDistinct {{ {camel(self.dice.choice(names))} }}")
        return " ".join(figures)

    def _groups(self, product: str, root: str) -> str:
        names = self.dice.sample(self.columns[product], min(self.dice.choice([1, 2]), len(self.columns[product])))
        by, keys = [], []
        for name in names:
            cut = ""
            if KINDS[product][name] in ("Date", "Timestamp"):
                cut = f", truncate: {self.dice.choice(['MONTH', 'YEAR', 'QUARTER', 'DAY'])}"
            by.append(f"{{column: {name.upper()}{cut}}}")
            keys.append(camel(name))
        parts = [f"by: [{', '.join(by)}]"]
        if self.dice.random() < 0.4:
            parts.append("where: " + self._where(product, 0))
        if self.dice.random() < 0.3:
            parts.append("having: {count: {gte: 2}}")
        if self.dice.random() < 0.4:
            parts.append("orderBy: [{count: DESC}]")
        if self.dice.random() < 0.4:
            parts.append("first: 3")
        return f"{root}Groups({', '.join(parts)}) {{ key {{ {' '.join(keys)} }} {self._figures(product)} }}"
