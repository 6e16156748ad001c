"""Rowwise: a product's policy as a function from a raw row to the governed row, for sources without SQL.

1. Evaluate every condition's guards for the caller; one that is UNKNOWN as a whole stays so on every row.
2. A row is visible: every row filter (or its bypass) AND no deny AND at least one grant.
3. A cell is visible: some one grant has its guard, its rows and the column, and no deny takes it; else it is None.
4. A cell is clear: for such a grant, every mask is revealed on this row or lifted by it; else the most specific
   unrevealed mask gives its value.

Says the same as `policies.decide` and `policies.relation` by other means: conditions are evaluated whole, never folded
into each other. One that asks nothing of the row is evaluated once (`Known`), and what all rows share is decided once.
The two are tested against each other. Does not decide minimum groups, which are about many rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import localcontext

from sqlglot import exp

from policies.condition import Condition, Moment, Truth
from policies.evaluate import Lookup, evaluator, natural
from policies.fold import operands
from policies.guard import request_value
from policies.rules import DenyRule, FilterRule, GrantRule, LocalizeRule, MaskRule, ProductRules
from schema.caller import Caller
from schema.natural import EXACT, settled
from schema.types import Type

Row = Mapping[str, object]
Govern = Callable[[Row], "Row | None"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A governed row, and of each part of its key whether it is clear on it, masked (False), or not visible (None)."""

    row: Row
    key: tuple[bool | None, ...]


See = Callable[[Row], "Seen | None"]
Related = Callable[[str], Iterable[Row]]
"""The raw rows of a product, for paths to related rows."""


@dataclass(frozen=True, slots=True)
class Known:
    """A test that says the same of every row."""

    value: Truth

    def __call__(self, row: Row) -> Truth:
        return self.value


Test = Callable[[Row], Truth] | Known


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions may ask besides the row and the papers.

    ``claims`` are the claims' types (of the elements, for lists); ``entitlements`` the resolved lists by id,
    ``related`` other products' rows: a condition that asks for what is not given is UNKNOWN. ``location`` is the
    source's.
    """

    claims: Mapping[str, Type] = field(default_factory=dict)
    entitlements: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    related: Related | None = None
    location: str | None = None


_NO_FACTS = Facts()


def compile_rows(
    rules: ProductRules,
    columns: Mapping[str, Type],
    caller: Caller,
    moment: Moment,
    keys: Mapping[str, bytes],
    facts: Facts = _NO_FACTS,
) -> Govern:
    """The function that gives the governed row, with every one of ``columns``; None for a row that is not visible.

    Raw rows hold natural Python values under logical names, derived columns included; where a rule or a mask looks at
    a value of another type, it counts as NULL. ``keys`` are the zone's mask keys; the zone's name goes to masks as
    ``keys["zone"]``.
    """
    see = compile_seen(rules, columns, (), caller, moment, keys, facts)

    def govern(raw: Row) -> Row | None:
        seen = see(raw)
        return None if seen is None else seen.row

    return govern


def compile_seen(
    rules: ProductRules,
    columns: Mapping[str, Type],
    key: tuple[str, ...],
    caller: Caller,
    moment: Moment,
    keys: Mapping[str, bytes],
    facts: Facts = _NO_FACTS,
) -> See:
    """The same, and of each column of ``key`` whether the caller sees it clear: a mask may leave a value as it is."""
    tests = _Tests(caller, moment, facts)
    confined = [rule for rule in rules.localize if not {facts.location, moment.region} <= rule.locations]
    if any(rule.columns is None for rule in confined):
        return lambda row: None
    visible = _row_test(rules, tests)
    grants = [(grant, tests.both(grant.when, grant.rows)) for grant in rules.grants]
    secrets = {**keys, "zone": caller.zone.encode()}
    makers = {name: _Maker(name, type_, rules, tests, confined, secrets) for name, type_ in columns.items()}
    if isinstance(visible, Known) and all(isinstance(test, Known) for _, test in grants):
        matching = [grant for grant, test in grants if isinstance(test, Known) and test.value is True]
        if visible.value is not True or not matching:
            return lambda row: None
        shared = {name: maker.shared(matching) for name, maker in makers.items()}
        if None not in shared.values():
            return _alike({name: value for name, value in shared.items() if value is not None}, columns, key)
    return _row_by_row(visible, grants, makers, columns, key)


def _row_by_row(
    visible: Test,
    grants: list[tuple[GrantRule, Test]],
    makers: Mapping[str, _Maker],
    columns: Mapping[str, Type],
    key: tuple[str, ...],
) -> See:
    def see(raw: Row) -> Seen | None:
        row = {name: settled(raw.get(name), type_) for name, type_ in columns.items()}
        with localcontext(EXACT):
            matching = [grant for grant, test in grants if test(row) is True] if visible(row) is True else []
            if not matching:
                return None
            cells = {name: maker.cell(row, matching) for name, maker in makers.items()}
        return Seen({name: value for name, (value, _) in cells.items()}, tuple([cells[name][1] for name in key]))

    return see


Value = Callable[[object], object]
"""A governed value of a raw one, the same on every row."""


def _alike(values: Mapping[str, Value], columns: Mapping[str, Type], key: tuple[str, ...]) -> See:
    """The function for rows that are all seen alike. Values that pass as they are need not be looked at."""
    clear = [name for name, value in values.items() if value is _as_it_is]
    gone = dict.fromkeys(name for name, value in values.items() if value is _nothing)
    changed = [(name, value, columns[name]) for name, value in values.items() if value not in (_as_it_is, _nothing)]
    seen_key = tuple([None if values[name] is _nothing else values[name] is _as_it_is for name in key])

    def see(raw: Row) -> Seen | None:
        row: dict[str, object] = {name: raw.get(name) for name in clear}
        row.update(gone)
        if changed:
            with localcontext(EXACT):
                for name, value, type_ in changed:
                    row[name] = value(settled(raw.get(name), type_))
        return Seen(row, seen_key)

    return see


def _as_it_is(value: object) -> object:
    return value


def _nothing(value: object) -> object:
    return None


class _Maker:
    """Makes the function of one cell."""

    def __init__(
        self,
        name: str,
        type_: Type,
        rules: ProductRules,
        tests: _Tests,
        confined: list[LocalizeRule],
        keys: Mapping[str, bytes],
    ) -> None:
        self._name, self._type, self._keys = name, type_, keys
        self._away = any(rule.columns is not None and name in rule.columns for rule in confined)
        self._denies: list[Test] = [
            tests.both(rule.when, rule.rows)
            for rule in rules.denies
            if rule.columns is not None and name in rule.columns
        ]
        self._masks: list[tuple[MaskRule, Test]] = [
            (rule, tests.of(rule.reveal) if rule.reveal is not None else _NEVER) for rule in rules.masks.get(name, ())
        ]

    def shared(self, matching: list[GrantRule]) -> Value | None:
        """The function where these grants match on every row; None where it depends on the row all the same."""
        tests = [*self._denies, *(reveal for _, reveal in self._masks)]
        if not all(isinstance(test, Known) for test in tests):
            return None
        found = self._shown({}, matching)
        if found is None:
            return _nothing
        mask, type_, keys = found[0], self._type, self._keys
        return _as_it_is if mask is None else lambda value: mask.mask.row(value, type_, keys)

    def cell(self, row: Row, matching: list[GrantRule]) -> tuple[object, bool | None]:
        """The governed value, and whether it is clear, masked (False) or not visible (None)."""
        found = self._shown(row, matching)
        if found is None:
            return None, None
        value = row[self._name]
        return (value, True) if found[0] is None else (found[0].mask.row(value, self._type, self._keys), False)

    def _shown(self, row: Row, matching: list[GrantRule]) -> tuple[MaskRule | None] | None:
        """None where the cell is not visible, else the mask that applies, if any does."""
        holding = [grant for grant in matching if self._name in grant.columns]
        if self._away or not holding or any(deny(row) is not False for deny in self._denies):
            return None
        hiding = [rule for rule, reveal in self._masks if reveal(row) is not True]
        return (None,) if any(_lifted(grant, self._name, hiding) for grant in holding) else (hiding[0],)


def _lifted(grant: GrantRule, column: str, hiding: list[MaskRule]) -> bool:
    cleared = grant.clears.get(column, frozenset())
    return all(rule.name in cleared for rule in hiding)


def _row_test(rules: ProductRules, tests: _Tests) -> Test:
    """Whether every row filter and no deny lets a row through."""
    filters = [_filter(rule, tests) for rule in rules.filters]
    denies = [_deny(rule, tests) for rule in rules.denies if rule.columns is None]
    parts = [*filters, *denies]
    if all(isinstance(part, Known) for part in parts):
        return Known(all(part({}) is True for part in parts))
    return lambda row: all(part(row) is True for part in parts)


def _filter(rule: FilterRule, tests: _Tests) -> Test:
    """The rows that a filter gives, or that bypass it."""
    rows = tests.of(rule.rows)
    bypass = tests.of(rule.bypass) if rule.bypass is not None else _NEVER
    if isinstance(rows, Known) and isinstance(bypass, Known):
        return Known(rows.value is True or bypass.value is True)
    return lambda row: rows(row) is True or bypass(row) is True


def _deny(rule: DenyRule, tests: _Tests) -> Test:
    """The rows that a deny leaves."""
    applies = tests.both(rule.when, rule.rows)
    return Known(applies.value is False) if isinstance(applies, Known) else lambda row: applies(row) is False


_NEVER = Known(False)


@dataclass(frozen=True, slots=True)
class _Tests:
    """Makes tests of conditions, for one caller and moment."""

    caller: Caller
    moment: Moment
    facts: Facts

    def both(self, when: Condition | None, rows: Condition | None) -> Test:
        """Three-valued AND of two conditions; an absent one is true."""
        parts = [self.of(condition) for condition in (when, rows) if condition is not None]
        known = {part.value for part in parts if isinstance(part, Known)}
        if False in known or all(isinstance(part, Known) for part in parts):
            return Known(False if False in known else None if None in known else True)

        def test(row: Row) -> Truth:
            found = [part(row) for part in parts]
            return False if False in found else None if None in found else True

        return test

    def of(self, condition: Condition) -> Test:
        bits = condition.bits(self.caller, self.moment)
        if bits is None:
            return Known(None)
        if condition.row is None:
            return Known(bits[0])
        if not self._answerable(condition):
            return Known(None)
        run, paths = self._evaluator(condition.row)

        def test(row: Row) -> Truth:
            def look(name: str) -> object:
                room, _, key = name.partition(":")
                if room == "column":
                    return row.get(key)
                if room == "path":
                    return paths[int(key)](look)
                return bits[int(key)] if room == "guard" else self._bind(room, key)

            value = run(look)
            return value if isinstance(value, bool) else None

        return test

    def _answerable(self, condition: Condition) -> bool:
        """Whether everything it asks besides the row and the papers was given: else it is UNKNOWN."""
        known = condition.entitlements <= self.facts.entitlements.keys()
        return known and (self.facts.related is not None or not condition.related)

    def _bind(self, room: str, key: str) -> object:
        if room == "request":
            return request_value(key, self.caller, self.moment)
        if room == "entitlement":
            return self.facts.entitlements[key]
        value, type_ = self.caller.claims[key], self.facts.claims.get(key)
        if type_ is None:
            return value
        return tuple(natural(item, type_) for item in value) if isinstance(value, tuple) else natural(value, type_)

    def _evaluator(self, row: exp.Expression) -> tuple[Callable[[Lookup], object], list[Callable[[Lookup], object]]]:
        """The condition as a function, with ``path:N`` binds in the place of its sub-selects."""
        spelt = exp.Paren(this=row.copy())
        paths: list[Callable[[Lookup], object]] = []
        for subquery in list(spelt.find_all(exp.Subquery)):
            subquery.replace(exp.Placeholder(this=f"path:{len(paths)}"))
            paths.append(self._path(subquery.this))
        return evaluator(spelt), paths

    def _path(self, select: exp.Select) -> Callable[[Lookup], object]:
        """``SELECT there.x FROM product AS there WHERE there.key = key LIMIT 1`` as a look-up in an index of the
        product's rows. Names of the related row are those under its alias."""
        table = select.find(exp.Table)
        assert table is not None and self.facts.related is not None
        where = select.args["where"].this
        links = operands(where) if isinstance(where, exp.And) else [where]
        theirs = [_there(link.this, table.alias) for link in links]
        ours = [evaluator(link.args["expression"]) for link in links]
        shown = _there(select.expressions[0], table.alias)
        index: dict[tuple[object, ...], object] = {}
        for related in self.facts.related(f"{table.db}.{table.name}"):
            look = {f"column:{table.alias}.{name}": value for name, value in related.items()}.get
            index.setdefault(tuple(part(look) for part in theirs), shown(look))

        def find(look: Lookup) -> object:
            key = tuple(part(look) for part in ours)
            return None if None in key else index.get(key)

        return find


def _there(node: exp.Expression, alias: str) -> Callable[[Lookup], object]:
    """An expression over the related row: its columns are called ``alias.name``."""
    spelt = node.transform(
        lambda part: exp.column(f"{alias}.{part.name}", quoted=True) if isinstance(part, exp.Column) else part
    )
    return evaluator(spelt)
