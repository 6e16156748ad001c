"""Random SQL over what a persona may know, the same for the same seed.

Answers are compared as multisets, and LIMIT stands only under an order over all outputs, so that no answer depends on
an order that nobody asked for. Expressions that may raise stand alone (`Asks.raising`): whether an engine meets them
before or after another condition is its own affair.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.leak.questions import KINDS

LINKS = [
    ("crm.people", "manager__key", "crm.people", "reports__key"),
    ("crm.people", "orders__key", "crm.orders", "person__key"),
    ("crm.orders", "store__key", "geo.stores", "orders__key"),
    ("crm.orders", "badge__key", "crm.badges", "orders__key"),
]
PARTNER_LINKS = [
    ("crm.people", "manager__key", "crm.people", "crm_people_manager__key"),
    *(link for link in LINKS if "reports__key" not in link and "crm.badges" not in link),
]
"""Where the zone does not show the way back, nor badges."""
_TEXTS = ["EU", "US", "paid", "hidden", "[redacted]", "CANARY-name-3", "S01", "A****", "", "example.org", "XX"]
_SAMPLES: Mapping[str, list[str]] = {
    "BigInt": ["1", "2", "3", "7", "500"],
    "Int": ["-1", "0", "2", "5"],
    "Float": ["0.0", "1.5", "-2.25"],
    "Decimal": ["0", "100", "499.99", "-50"],
    "Date": ["DATE '1970-01-01'", "DATE '1999-12-31'", "'2010-06-15'"],
    "Timestamp": ["TIMESTAMPTZ '2024-02-01 00:00:00+00'", "'2024-06-15T12:00:00Z'"],
    "String": [f"'{text}'" for text in _TEXTS],
    "Boolean": ["TRUE", "FALSE"],
}
NUMBERS = frozenset({"BigInt", "Int", "Decimal", "Float"})


@dataclass
class Asks:
    """``columns`` are the columns to ask for by product; ``raising``: half of the questions hold what may raise."""

    dice: random.Random
    columns: Mapping[str, list[str]]
    raising: bool = False
    links: bool = True
    ways: Sequence[tuple[str, str, str, str]] = tuple(LINKS)
    hidden: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    """Numbers of hidden rows alone, by product and column: dividing by a difference to them must not tell."""

    def question(self) -> str:
        makers: list[Callable[[], str]] = [
            self._rows, self._rows, self._groups, self._distinct, self._derived, self._cte, self._exists, self._in,
            self._scalar, self._window, self._union, self._lateral,
        ]  # fmt: skip
        if self.links:
            makers += [self._joined, self._joined, self._joined_groups]
        if self.raising and self.dice.random() < 0.5:
            makers = [self._raises]
        return self.dice.choice(makers)()

    # --- statements

    def _rows(self) -> str:
        product, alias = self._product(), "a"
        items = self._some(product, alias, 4)
        text = f"SELECT {', '.join(items)} FROM {product} AS {alias}{self._where(product, alias)}"
        if self.dice.random() < 0.4:
            order = ", ".join(str(at) for at in range(1, len(items) + 1))
            text += f" ORDER BY {order} LIMIT {self.dice.randrange(1, 9)} OFFSET {self.dice.randrange(3)}"
        return text

    def _groups(self, source: str | None = None, product: str | None = None) -> str:
        product = product or self._product()
        keys = self._some(product, "a", 2)
        figures = [self._figure(product, "a") for _ in range(self.dice.randrange(1, 3))]
        named = [f"{figure} AS f{at}" for at, figure in enumerate(figures)]
        text = f"SELECT {', '.join(keys + named)} FROM {source or f'{product} AS a'}{self._where(product, 'a')}"
        grouping = ", ".join(keys)
        if len(keys) == 2 and self.dice.random() < 0.3:
            grouping = self.dice.choice(
                [f"ROLLUP ({grouping})", f"CUBE ({grouping})", f"GROUPING SETS (({grouping}), ())"]
            )
        text += f" GROUP BY {grouping}"
        if self.dice.random() < 0.4:
            text += f" HAVING {self.dice.choice(figures)} > {self.dice.randrange(4)}"
        return text

    def _distinct(self) -> str:
        product = self._product()
        return f"SELECT DISTINCT {', '.join(self._some(product, 'a', 2))} FROM {product} a{self._where(product, 'a')}"

    def _derived(self) -> str:
        product = self._product()
        columns = self._names(product, 3)
        inner = f"SELECT {', '.join(f'a.{name}' for name in columns)} FROM {product} a{self._where(product, 'a')}"
        outer = self._condition(product, "d", columns)
        return f"SELECT d.* FROM ({inner}) AS d WHERE {outer}"

    def _cte(self) -> str:
        product = self._product()
        column = self.dice.choice(self.columns[product])
        inner = f"SELECT a.{column} AS k, COUNT(*) AS n FROM {product} a{self._where(product, 'a')} GROUP BY a.{column}"
        return f"WITH q AS ({inner}) SELECT x.k, x.n FROM q x WHERE x.n >= (SELECT AVG(y.n) FROM q y)"

    def _exists(self) -> str:
        one, other = self._product(), self._product()
        inner = f"SELECT 1 FROM {other} b WHERE {self._condition(other, 'b')}"
        alike = self._alike(one, other)
        if alike is not None:
            inner += f" AND b.{alike[1]} = a.{alike[0]}"
        return f"SELECT {', '.join(self._some(one, 'a', 2))} FROM {one} a WHERE {self._not()}EXISTS ({inner})"

    def _in(self) -> str:
        one, other = self._product(), self._product()
        alike = self._alike(one, other)
        if alike is None:
            return self._rows()
        inner = f"SELECT b.{alike[1]} FROM {other} b{self._where(other, 'b')}"
        return f"SELECT {', '.join(self._some(one, 'a', 2))} FROM {one} a WHERE a.{alike[0]} IN ({inner})"

    def _scalar(self) -> str:
        one, other = self._product(), self._product()
        figure = f"(SELECT {self._figure(other, 'b')} FROM {other} b{self._where(other, 'b')})"
        return f"SELECT {', '.join(self._some(one, 'a', 2))}, {figure} AS f FROM {one} a{self._where(one, 'a')}"

    def _window(self) -> str:
        product = self._product()
        part, order = self.dice.choice(self.columns[product]), self.dice.choice(self.columns[product])
        call = self.dice.choice(
            [
                "RANK() OVER",
                "DENSE_RANK() OVER",
                "COUNT(*) OVER",
                f"MIN(a.{order}) OVER" if order != "vip" else "COUNT(*) OVER",
            ]
        )
        if product == "crm.people" and order in ("vip", "rich"):
            call = "RANK() OVER"
        return (
            f"SELECT {', '.join(self._some(product, 'a', 2))}, {call} (PARTITION BY a.{part} ORDER BY a.{order}) AS w "
            f"FROM {product} a{self._where(product, 'a')}"
        )

    def _union(self) -> str:
        kind = self.dice.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
        one, other = self._product(), self._product()
        alike = self._alike(one, other)
        if alike is None:
            return self._distinct()
        return (
            f"SELECT a.{alike[0]} AS u FROM {one} a{self._where(one, 'a')} {kind} "
            f"SELECT b.{alike[1]} FROM {other} b{self._where(other, 'b')}"
        )

    def _lateral(self) -> str:
        one, other = self._product(), self._product()
        alike = self._alike(one, other)
        if alike is None or self._side(one) != self._side(other):
            return self._groups()
        inner = f"SELECT COUNT(*) AS n FROM {other} b WHERE b.{alike[1]} = a.{alike[0]}"
        return f"SELECT {', '.join(self._some(one, 'a', 2))}, l.n FROM {one} a CROSS JOIN LATERAL ({inner}) AS l"

    def _join(self) -> tuple[str, str, str] | None:
        known = [way for way in self.ways if way[0] in self.columns and way[2] in self.columns]
        if not known:
            return None
        here, mine, there, theirs = self.dice.choice(known)
        if there == "geo.stores" and self.dice.random() < 0.5:
            mine, theirs = "store_code", "code"  # clear for everyone who sees both; the plain keys may narrow a side
        side = self.dice.choice(["JOIN", "LEFT JOIN"])
        return f"{here} AS a {side} {there} AS b ON a.{mine} = b.{theirs}", here, there

    def _joined(self) -> str:
        found = self._join()
        if found is None:
            return self._rows()
        source, here, there = found
        items = self._some(here, "a", 2) + self._some(there, "b", 2)
        named = [f"{item} AS j{at}" for at, item in enumerate(items)]
        return f"SELECT {', '.join(named)} FROM {source}{self._where(here, 'a')}"

    def _joined_groups(self) -> str:
        found = self._join()
        return self._groups() if found is None else self._groups(found[0], found[1])

    def _raises(self) -> str:
        """What may raise, in every place that an expression may stand in."""
        product = self._product()
        telling = [name for name in self.columns[product] if self.hidden.get(product, {}).get(name)]
        name = self.dice.choice(telling if telling and self.dice.random() < 0.9 else self.columns[product])
        kind = KINDS[product][name]
        if name in telling:
            value = f"10 / (a.{name} - {self.dice.choice(self.hidden[product][name])})"
        elif kind in NUMBERS:
            sample = self.dice.choice(_SAMPLES[kind])
            value = self.dice.choice([f"10 / (a.{name} - {sample})", f"1 % NULLIF(CAST(a.{name} AS INT), 1)"])
        elif kind == "String":
            value = self.dice.choice([f"CAST(a.{name} AS INT)", f"CAST(CAST(a.{name} AS DATE) AS TEXT)"])
        else:
            value = f"CAST(CAST(a.{name} AS TEXT) AS INT)"
        shown = self.dice.choice(self.columns[product])
        forms = [
            f"SELECT a.{shown} FROM {product} a WHERE {value} IS NOT NULL",
            f"SELECT {value} AS v FROM {product} a",
            f"SELECT COUNT({value}) AS v FROM {product} a",
            f"SELECT COUNT(*) FILTER (WHERE {value} IS NOT NULL) AS v FROM {product} a",
            f"SELECT {value} AS v, COUNT(*) FROM {product} a GROUP BY {value}",
            f"SELECT d.s FROM (SELECT a.{shown} AS s, {value} AS v FROM {product} a) d WHERE d.v IS NOT NULL",
            f"SELECT d.s FROM (SELECT a.{name} AS s, COUNT(*) FROM {product} a GROUP BY a.{name}) d "
            f"WHERE {value.replace('a.' + name, 'd.s')} IS NOT NULL",
            f"WITH q AS (SELECT a.{name} FROM {product} a) SELECT COUNT(*) FROM q a WHERE {value} IS NOT NULL",
            f"SELECT b.n FROM (SELECT 1 AS n) b WHERE EXISTS (SELECT 1 FROM {product} a WHERE {value} IS NOT NULL)",
            f"SELECT a.{name} FROM {product} a GROUP BY a.{name} HAVING {value} IS NOT NULL",
            f"SELECT a.{name}, COUNT(*) AS n, {value} AS v FROM {product} a GROUP BY a.{name}",
            f"SELECT {value} AS v, MAX(COUNT(*)) OVER () AS m FROM {product} a GROUP BY {value} ORDER BY {value}",
            f"SELECT d.n FROM (SELECT a.{name}, {value} AS n FROM {product} a GROUP BY a.{name}) d WHERE d.n > 0",
        ]
        return self.dice.choice(forms)

    # --- pieces

    def _product(self) -> str:
        return self.dice.choice(sorted(self.columns))

    @staticmethod
    def _side(product: str) -> str:
        return "side" if product == "geo.stores" else "main"

    def _names(self, product: str, most: int) -> list[str]:
        known = self.columns[product]
        return self.dice.sample(known, min(len(known), self.dice.randrange(1, most + 1)))

    def _some(self, product: str, alias: str, most: int) -> list[str]:
        return [f"{alias}.{name}" for name in self._names(product, most)]

    def _figure(self, product: str, alias: str) -> str:
        name = self.dice.choice(self.columns[product])
        kind = KINDS[product][name]
        forms = ["COUNT(*)", f"COUNT({alias}.{name})", f"COUNT(DISTINCT {alias}.{name})"]
        if kind in NUMBERS:
            forms += [f"SUM({alias}.{name} + 1)", f"MAX({alias}.{name} * 2) - MIN({alias}.{name})"]
            forms += [f"SUM({alias}.{name})", f"MIN({alias}.{name})", f"MAX({alias}.{name})", f"AVG({alias}.{name})"]
        return self.dice.choice(forms)

    def _where(self, product: str, alias: str) -> str:
        return "" if self.dice.random() < 0.4 else f" WHERE {self._condition(product, alias)}"

    def _condition(self, product: str, alias: str, names: list[str] | None = None) -> str:
        parts = [self._test(product, alias, names) for _ in range(self.dice.randrange(1, 3))]
        return f" {self.dice.choice(['AND', 'OR'])} ".join(parts)

    def _test(self, product: str, alias: str, names: list[str] | None) -> str:
        name = self.dice.choice(names or self.columns[product])
        kind, column = KINDS[product][name], f"{alias}.{name}"
        sample = self.dice.choice(_SAMPLES[kind])
        forms = [
            f"{column} = {sample}",
            f"{column} <> {sample}",
            f"{column} IS {self._not()}NULL",
            f"{column} IN ({sample})",
        ]
        if kind != "Boolean":
            forms += [f"{column} > {sample}", f"{column} <= {sample}", f"{column} IS DISTINCT FROM {sample}"]
        if kind == "String":
            word = self.dice.choice(["CANARY", "name", "example", "h", "****", "S0", "canary.mail.3"])
            forms += [
                f"{column} LIKE '%{word}%'",
                f"UPPER({column}) = {sample}",
                f"{column} ~ '{word.replace('*', 'x')}'",
            ]
            forms += [f"LENGTH({column}) > 4", f"COALESCE({column}, 'x') = {sample}"]
        return f"{self._not()}({self.dice.choice(forms)})"

    def _not(self) -> str:
        return "NOT " if self.dice.random() < 0.25 else ""

    def _alike(self, one: str, other: str) -> tuple[str, str] | None:
        """A column of each, of one kind."""
        pairs = [(a, b) for a in self.columns[one] for b in self.columns[other] if KINDS[one][a] == KINDS[other][b]]
        return self.dice.choice(pairs) if pairs else None
