"""Diff: what a change of a project changes for whom, and whether anybody may see more than before.

1. See both versions with the same papers: the new version's personas, and those only the old one has.
2. Compare caller by caller, product by product, column by column. A change *widens* unless it is known to narrow:
   a condition counts as narrower only where it is the old one with more required, or with fewer ways to meet it.
3. Compare the rules too, since personas may not meet every rule: one that may widen and shows in no persona is said.
4. Compare the zones' GraphQL schemas.

Does not promise: what happens at another time of day (`request.time` is now), or to callers no persona stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from graphql import find_breaking_changes

from app.personas import Persona, PersonaError, load_personas
from app.project import Project
from app.steward.diff_rules import RuleChange, rule_changes
from app.steward.formulas import Seen, narrower, same
from app.steward.sights import CallerSight, ColumnSight, ProductSight, sights
from schema.graphql import build


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different for one caller. ``what`` is a word: visible, hidden, clear, masked, unfiltered,
    filtered, rows, column, mask, tokens, relationship, group, definition, claims. ``column`` is empty for what concerns
    the product's rows."""

    caller: str
    product: str
    column: str
    what: str
    sentence: str
    widens: bool
    rules: tuple[str, ...] = ()
    accepted: bool = False

    @property
    def name(self) -> str:
        """What ``--accept`` names: ``caller/product/column``."""
        return "/".join(part for part in (self.caller, self.product, self.column) if part)


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is different. ``breaking`` are (zone, sentence)."""

    changes: tuple[Change, ...]
    rules: tuple[RuleChange, ...]
    breaking: tuple[tuple[str, str], ...]

    @property
    def widening(self) -> tuple[Change | RuleChange, ...]:
        """What gives more access and has not been accepted."""
        changes = [change for change in self.changes if change.widens and not change.accepted]
        return (*changes, *(rule for rule in self.rules if rule.widens and not rule.accepted))


def diff(old: Project, new: Project, accept: Iterable[str] = ()) -> Difference:
    """Compare two versions of a project. ``accept`` names changes (``caller``, ``caller/product``,
    ``caller/product/column``, with ``*`` in any part) or rules; a change that several changed rules decide needs all
    of them."""
    personas = {**_personas(old), **_personas(new)}
    before, after = sights(old, personas), sights(new, personas)
    accepted = tuple(accept)
    rules = rule_changes(old, new)
    changes = []
    for name in sorted(before.keys() | after.keys()):
        for change in _caller(name, before.get(name, CallerSight("")), after.get(name, CallerSight(""))):
            causes = _causes(change, rules)
            changes.append(replace(change, rules=causes, accepted=_accepted(change.name, causes, accepted)))
    shown = {(rule, change.product) for change in changes if change.widens for rule in change.rules}
    told = [
        replace(
            rule,
            widens=rule.widens and not all((rule.name, product) in shown for product in rule.products),
            accepted=rule.name in accepted,
        )
        for rule in rules
    ]
    return Difference(tuple(changes), tuple(told), tuple(_breaking(old, new)))


def _causes(change: Change, rules: Iterable[RuleChange]) -> tuple[str, ...]:
    """The rules that have to do with a change and have changed themselves."""
    return tuple(dict.fromkeys(r.name for r in rules if r.name in change.rules and change.product in r.products))


def _personas(project: Project) -> dict[str, Persona]:
    """Nobody where the project has no readable personas: then only the rules are compared."""
    try:
        return load_personas(project.root)
    except PersonaError:
        return {}


def _accepted(name: str, rules: tuple[str, ...], accepted: tuple[str, ...]) -> bool:
    parts = name.split("/")
    for one in accepted:
        wanted = one.split("/")
        if len(wanted) <= len(parts) and all(map(fnmatchcase, parts, wanted)):
            return True
    return bool(rules) and set(rules) <= set(accepted)


def _caller(name: str, old: CallerSight, new: CallerSight) -> Iterator[Change]:
    if old.claims != new.claims and old.products and new.products:
        sentence = f"arrives with other claims: ({old.claims}) before, ({new.claims}) now"
        yield Change(name, "", "", "claims", sentence, True)
    for product in sorted(old.products.keys() | new.products.keys()):
        yield from _product(name, product, old.products.get(product), new.products.get(product))


def _product(caller: str, id_: str, old: ProductSight | None, new: ProductSight | None) -> Iterator[Change]:
    if new is None:
        yield Change(caller, id_, "", "hidden", "is no longer visible", False)
        return
    if old is None:
        states = sorted({column.state for column in new.columns.values()})
        sentence = f"becomes visible ({', '.join(states)}), with {_rows(new.rows)}"
        yield Change(caller, id_, "", "visible", sentence, True, tuple(sorted(new.rules | _deciding(new))))
        return
    if old.definition != new.definition:
        sentence = "is read from somewhere else: source, table or view has changed"
        yield Change(caller, id_, "", "definition", sentence, True)
    yield from _row_change(caller, id_, old, new)
    yield from _inside(caller, id_, old, new)
    yield from _relationships(caller, id_, old, new)
    yield from _group(caller, id_, old, new)
    for name in sorted(old.columns.keys() | new.columns.keys()):
        yield from _column(caller, id_, name, old.columns.get(name), new.columns.get(name))


def _deciding(sight: ProductSight) -> frozenset[str]:
    return frozenset(rule for column in sight.columns.values() for rule in column.rules)


def _rows(seen: Seen) -> str:
    return seen.text if seen.truth is not None else f"rows where {seen.text}"


def _row_change(caller: str, id_: str, old: ProductSight, new: ProductSight) -> Iterator[Change]:
    if same(old.rows, new.rows):
        return
    rules = tuple(sorted(old.rules | new.rules))
    both = f"{_rows(old.rows)} before, {_rows(new.rows)} now"
    if new.rows.truth is True:
        yield Change(caller, id_, "", "unfiltered", f"is no longer filtered: {both}", True, rules)
    elif old.rows.truth is True:
        yield Change(caller, id_, "", "filtered", f"is filtered: {both}", False, rules)
    else:
        yield Change(caller, id_, "", "rows", f"gives other rows: {both}", not narrower(old.rows, new.rows), rules)


def _inside(caller: str, id_: str, old: ProductSight, new: ProductSight) -> Iterator[Change]:
    """The products inside a view: which of their rows it reads."""
    for name in sorted(old.inside.keys() & new.inside.keys()):
        before, after = old.inside[name], new.inside[name]
        if not same(before, after):
            sentence = f"reads other rows of {name}: {_rows(before)} before, {_rows(after)} now"
            yield Change(caller, id_, "", "rows", sentence, not narrower(before, after))


def _relationships(caller: str, id_: str, old: ProductSight, new: ProductSight) -> Iterator[Change]:
    """A way to other rows that opens only joins what is visible already, unless it leads over a masked key."""
    for name in sorted(old.relationships.keys() | new.relationships.keys()):
        before, after = old.relationships.get(name), new.relationships.get(name)
        if before == after:
            continue
        what = "can no longer be followed" if after is None else "can be followed"
        sentence = f"relationship '{name}' {what}{', over a masked key too' if after else ''}"
        yield Change(caller, id_, "", "relationship", sentence, bool(after))


def _group(caller: str, id_: str, old: ProductSight, new: ProductSight) -> Iterator[Change]:
    before, after = old.group, new.group
    if before is not None and after is not None and before[:3] == after[:3]:
        return
    if before == after:
        return
    if before is None or after is None:
        rule = (before or after or (0, (), False, ""))[3]
        sentence = f"has no minimum group any more ({rule})" if after is None else f"has a minimum group of {after[0]}"
        yield Change(caller, id_, "", "group", sentence, after is None, (rule,))
        return
    widens = after[0] < before[0] or after[1] != before[1] or (before[2] and not after[2])
    sentence = f"changes its minimum group: {_grouped(before)} before, {_grouped(after)} now"
    yield Change(caller, id_, "", "group", sentence, widens, tuple(sorted({before[3], after[3]})))


def _grouped(group: tuple[int, tuple[str, ...], bool, str]) -> str:
    k, key, only, _ = group
    return f"{k} {', '.join(key)}{'' if only else ', rows allowed'}"


def _column(caller: str, id_: str, name: str, old: ColumnSight | None, new: ColumnSight | None) -> Iterator[Change]:
    if new is None:
        gone = _rules(old) if old is not None else ()
        yield Change(caller, id_, name, "hidden", "is no longer visible", False, gone)
        return
    if old is None:
        sentence = f"becomes visible, {new.state}{f' as {new.mask}' if new.mask else ''}"
        yield Change(caller, id_, name, "visible", sentence, True, _rules(new))
        return
    rules = _rules(old, new)
    if old.definition != new.definition:
        yield Change(caller, id_, name, "definition", "is another column or expression of the source", True, rules)
    if not same(old.tokens, new.tokens):
        sentence = f"its tokens may be looked up: {_rows(old.tokens)} before, {_rows(new.tokens)} now"
        yield Change(caller, id_, name, "tokens", sentence, not narrower(old.tokens, new.tokens), rules)
    if old.state != new.state and new.state in ("clear", "masked"):
        masked = f" as {new.mask}" if new.mask else ""
        widens = new.state == "clear" or not (old.state == "clear" or _narrower_cell(old, new))
        sentence = f"becomes {new.state}{masked}; it was {old.state}"
        yield Change(caller, id_, name, new.state, sentence, widens, rules)
    elif not (same(old.visible, new.visible) and same(old.clear, new.clear)):
        sentence = f"is {_cell(old)} before, {_cell(new)} now"
        yield Change(caller, id_, name, "column", sentence, not _narrower_cell(old, new), rules)
    elif _mask_key(old) != _mask_key(new):
        sentence = f"is masked otherwise: {old.mask or 'not'} before, {new.mask or 'not'} now"
        yield Change(caller, id_, name, "mask", sentence, new.mask != _null(new), rules)


def _null(sight: ColumnSight) -> str:
    """A mask that gives nothing but NULL cannot widen."""
    return sight.mask if sight.masks and all(spec.startswith("null") for _, spec, _ in sight.masks) else "-"


def _mask_key(sight: ColumnSight) -> tuple[tuple[str, frozenset[str], bool | None], ...]:
    return tuple((spec, seen.all, seen.truth) for _, spec, seen in sight.masks)


def _rules(*sights_: ColumnSight) -> tuple[str, ...]:
    return tuple(sorted({rule for sight in sights_ for rule in sight.rules}))


def _cell(sight: ColumnSight) -> str:
    parts = []
    if sight.clear.truth is not False:
        parts.append("clear" if sight.clear.truth else f"clear where {sight.clear.text}")
    if sight.masks:
        where = "" if sight.visible.truth else f" where {sight.visible.text}"
        parts.append(f"masked as {sight.mask}{where}")
    return ", ".join(parts)


def _narrower_cell(old: ColumnSight, new: ColumnSight) -> bool:
    """Fewer or the same cells visible and clear, and masked no other way."""
    cells = narrower(old.visible, new.visible) and narrower(old.clear, new.clear)
    return cells and (_mask_key(old) == _mask_key(new) or not old.masks)


def _breaking(old: Project, new: Project) -> Iterator[tuple[str, str]]:
    if old.catalog.version == new.catalog.version:
        return  # a zone's schema is made of the catalog alone
    zones: Mapping[str, object] = old.catalog.zones
    for zone in sorted(zones):
        if zone not in new.catalog.zones:
            yield zone, "The zone no longer exists."
            continue
        before, after = build(old.catalog, zone).graphql, build(new.catalog, zone).graphql
        yield from ((zone, change.description) for change in find_breaking_changes(before, after))
