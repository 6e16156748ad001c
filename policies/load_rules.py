"""From the items of policy files to rules, placed by zone and product.

Masks come first, because a grant's ``clear`` names them. A rule with a fault is left out: the load fails anyway, and
what is said about the others stays right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from policies.fault import Fault
from policies.load_columns import Masks, cleared, granted, with_tokens
from policies.load_conditions import Conditions, complete
from policies.load_files import PolicyFiles
from policies.masks import parse_mask
from policies.predicate import Compiled
from policies.rules import (
    LEVELS,
    DenyRule,
    FilterRule,
    GrantRule,
    LocalizeRule,
    MaskRule,
    PrivacyRule,
    ProductRules,
)
from policies.select import Match, Selector, read_selector
from schema.catalog import Catalog
from schema.errors import LoadError, Place
from schema.yaml_source import Entries, Scalar, plain

Rule = TypeVar("Rule")
Zoned = tuple[str | None, Rule]
"""A rule and the zone it is limited to."""


@dataclass(frozen=True, slots=True)
class Use:
    """A condition that reads a product's row: checked against the masks once all are known."""

    rule: str
    key: str
    place: Place
    zone: str | None
    product: str
    compiled: Compiled
    discloses: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a section, named and selected."""

    entries: Entries
    name: str
    selector: Selector
    matches: tuple[Match, ...]


@dataclass(slots=True)
class RuleBook:
    """All rules of a project by product, each with the zone it is limited to."""

    catalog: Catalog
    conditions: Conditions
    errors: list[LoadError]
    uses: list[Use] = field(default_factory=list)
    grants: dict[str, list[Zoned[GrantRule]]] = field(default_factory=lambda: defaultdict(list))
    denies: dict[str, list[Zoned[DenyRule]]] = field(default_factory=lambda: defaultdict(list))
    filters: dict[str, list[Zoned[FilterRule]]] = field(default_factory=lambda: defaultdict(list))
    masks: dict[str, dict[str, list[Zoned[MaskRule]]]] = field(default_factory=lambda: defaultdict(dict))
    localize: dict[str, list[Zoned[LocalizeRule]]] = field(default_factory=lambda: defaultdict(list))
    privacy: dict[str, list[Zoned[PrivacyRule]]] = field(default_factory=lambda: defaultdict(list))
    _names: dict[str, Place] = field(default_factory=dict)
    _lifts: Masks = field(default_factory=dict)

    def read(self, files: PolicyFiles) -> None:
        """Read every section, masks first."""
        sections: tuple[tuple[str, Callable[[_Item], None]], ...] = (
            ("masks", self._mask),
            ("grants", self._grant),
            ("denies", self._deny),
            ("row_filters", self._filter),
            ("localize", self._localize),
            ("privacy", self._privacy),
        )
        for section, make in sections:
            for item in self._items(files, section):
                make(item)

    def _items(self, files: PolicyFiles, section: str) -> Iterator[_Item]:
        for entries in files.sections[section]:
            name = self._name(entries, section)
            selector = read_selector(entries.map("on"), self.catalog, self.errors)
            if selector is not None:
                yield _Item(entries, name, selector, tuple(selector.matches(self.catalog)))

    def _name(self, entries: Entries, section: str) -> str:
        given = entries.text("name")
        if given is None:
            return f"{section} at {entries.place.file}:{entries.place.line}"
        first = self._names.setdefault(given, entries.at("name"))
        if first != entries.at("name"):
            sentence = f"The rule name '{given}' is taken by the rule at {first}."
            self.errors.append(
                LoadError(entries.at("name"), "CH404", sentence, "Explanations and 'clear' go by the name.")
            )
        return given

    def _row(self, item: _Item, key: str, match: Match) -> Compiled | None:
        compiled = self.conditions.row(item.entries, key, match.product)
        if compiled is not None:
            at, zone = item.entries.at(key), item.selector.zone
            discloses = item.entries.has("discloses")
            self.uses.append(Use(item.name, key, at, zone, match.product.id, compiled, discloses))
        return compiled

    def _mask(self, item: _Item) -> None:
        entries, place = item.entries, item.entries.place
        spec, hide = _spec(entries), entries.text("nulls") == "hide"
        for match in item.matches:
            reveal = self._row(item, "reveal_when", match)
            if not complete(entries, {"reveal_when": reveal}):
                continue
            condition = None if reveal is None else reveal.condition
            for name in sorted(match.names()):
                try:
                    mask = parse_mask(spec, match.product.columns[name].type, hide_nulls=hide, place=entries.at("mask"))
                except Fault as fault:
                    said = Fault(fault.code, f"{fault.sentence} ({match.product.id}.{name})", fault.hint)
                    self.conditions.say(said, entries.at("mask"))
                    continue
                rule = MaskRule(item.name, place, item.selector.level, mask, condition)
                self.masks[match.product.id].setdefault(name, []).append((item.selector.zone, rule))

    def _grant(self, item: _Item) -> None:
        entries = item.entries
        when = self.conditions.papers(entries, "when")
        columns = granted(item.matches, entries, self.errors)
        clears = cleared(item.matches, columns, entries, self._mask_names(), self.errors)
        tokens = with_tokens(item.matches, columns, entries, self._token_masks(item.selector.zone), self.errors)
        for match in item.matches:
            id_ = match.product.id
            rows = self._row(item, "rows", match)
            if not columns.get(id_) or not complete(entries, {"when": when, "rows": rows}):
                continue
            rule = GrantRule(
                item.name,
                entries.place,
                when,
                None if rows is None else rows.condition,
                columns[id_],
                clears.get(id_, {}),
                tokens.get(id_, frozenset()),
            )
            self.grants[id_].append((item.selector.zone, rule))

    def _mask_names(self) -> Masks:
        """The names of the masks on each column; all are known before the first grant is read."""
        if not self._lifts:
            self._lifts = {
                product: {column: frozenset(rule.name for _, rule in rules) for column, rules in columns.items()}
                for product, columns in self.masks.items()
            }
        return self._lifts

    def _token_masks(self, zone: str | None) -> Masks:
        """The names of the token masks on each column that may hold where a grant for this zone (None: all) does."""
        return {
            product: {
                column: names
                for column, rules in columns.items()
                if (names := frozenset(r.name for only, r in rules if r.mask.kind == "token" and _meet(only, zone)))
            }
            for product, columns in self.masks.items()
        }

    def _deny(self, item: _Item) -> None:
        entries = item.entries
        when = self.conditions.papers(entries, "when")
        for match in item.matches:
            rows = self._row(item, "rows", match)
            if complete(entries, {"when": when, "rows": rows}):
                condition = None if rows is None else rows.condition
                rule = DenyRule(item.name, entries.place, when, condition, match.columns)
                self.denies[match.product.id].append((item.selector.zone, rule))

    def _filter(self, item: _Item) -> None:
        entries = item.entries
        bypass = self.conditions.papers(entries, "bypass")
        for match in item.matches:
            rows = self._row(item, "rows", match)
            if rows is not None and complete(entries, {"bypass": bypass}):
                rule = FilterRule(item.name, entries.place, rows.condition, bypass)
                self.filters[match.product.id].append((item.selector.zone, rule))

    def _localize(self, item: _Item) -> None:
        locations = frozenset(name for name, _ in item.entries.texts("locations"))
        for match in item.matches:
            rule = LocalizeRule(item.name, item.entries.place, locations, match.columns)
            self.localize[match.product.id].append((item.selector.zone, rule))

    def _privacy(self, item: _Item) -> None:
        entries, group = item.entries, item.entries.map("min_group")
        unless = self.conditions.papers(entries, "unless")
        single = group.text("key")
        key = (single,) if single is not None else tuple(name for name, _ in group.texts("key"))
        size = group.scalar("k")
        k = size.value if size is not None and isinstance(size.value, int) else 2
        for match in item.matches:
            missing = [name for name in key if name not in match.product.columns]
            if missing:
                sentence = f"There is no column '{missing[0]}' in {match.product.id}."
                hint = "The key tells the entities apart that a group counts."
                self.conditions.say(Fault("CH418", sentence, hint), group.at("key"))
            elif complete(entries, {"unless": unless}):
                rule = PrivacyRule(item.name, entries.place, key, k, entries.flag("aggregate_only", True), unless)
                self.privacy[match.product.id].append((item.selector.zone, rule))

    def product_rules(self, product: str, zone: str) -> ProductRules:
        """The rules of a product that hold in a zone. Masks by column, most specific first."""
        masks = {column: in_zone(rules, zone) for column, rules in self.masks.get(product, {}).items()}
        return ProductRules(
            product,
            tuple(_with_tokens_in(grant, masks) for grant in in_zone(self.grants.get(product, []), zone)),
            in_zone(self.denies.get(product, []), zone),
            in_zone(self.filters.get(product, []), zone),
            {
                column: tuple(sorted(rules, key=lambda rule: LEVELS.index(rule.level)))
                for column, rules in sorted(masks.items())
                if rules
            },
            in_zone(self.localize.get(product, []), zone),
            in_zone(self.privacy.get(product, []), zone),
        )


def in_zone(rules: list[Zoned[Rule]], zone: str) -> tuple[Rule, ...]:
    return tuple(rule for only, rule in rules if only in (None, zone))


def _meet(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _with_tokens_in(grant: GrantRule, masks: Mapping[str, tuple[MaskRule, ...]]) -> GrantRule:
    """The grant with the right to detokenise what has tokens in the zone of these masks."""
    made = {column for column, rules in masks.items() if any(rule.mask.kind == "token" for rule in rules)}
    return grant if grant.detokenize <= made else replace(grant, detokenize=grant.detokenize & made)


def _spec(entries: Entries) -> object:
    node = entries.get("mask")
    return None if node is None or (isinstance(node, Scalar) and node.value is None) else plain(node)
