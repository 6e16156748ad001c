"""Checks over all rules at once: what one rule cannot know of another, and what is allowed but unwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from policies.condition import Condition
from policies.load_rules import RuleBook, Use
from policies.load_sql import Spot
from policies.rules import MaskRule, ProductRules
from schema.catalog import Catalog
from schema.errors import LoadError

Rules = Mapping[str, Mapping[str, ProductRules]]


def check_rules(rules: Rules, book: RuleBook) -> list[LoadError]:
    """CH413 two masks of one level on one column; CH414 conditions that disclose a masked column without saying so."""
    found: dict[LoadError, None] = {}
    for products in rules.values():
        for product in products.values():
            found.update(dict.fromkeys(_clashes(product)))
    for use in book.uses:
        found.update(dict.fromkeys(_discloses(use, rules)))
    return list(found)


def _clashes(rules: ProductRules) -> Iterator[LoadError]:
    for column, masks in rules.masks.items():
        for one, other in pairwise(masks):
            if one.level == other.level:
                sentence = (
                    f"The masks '{one.name}' ({one.place}) and '{other.name}' both stand on {rules.product}.{column} "
                    f"at the level '{one.level}', so neither is more specific."
                )
                hint = "Name the column, limit one of them to a zone, or remove one."
                yield LoadError(other.place, "CH413", sentence, hint)


def _discloses(use: Use, rules: Rules) -> Iterator[LoadError]:
    """A condition over a masked column tells one bit of it to everyone who sees whether the row is there, or clear."""
    if use.discloses:
        return
    named = use.compiled.named | {(use.product, column) for column in use.compiled.condition.columns}
    for zone, products in rules.items():
        if use.zone not in (None, zone):
            continue
        for product, column in sorted(named):
            mask = _mask_on(products.get(product), column)
            if mask is not None:
                sentence = (
                    f"'{use.key}' of '{use.rule}' depends on {product}.{column}, which the mask '{mask.name}' hides."
                )
                hint = "It tells one bit of the hidden value: if that is meant, add discloses: {reason: ..}."
                yield LoadError(use.place, "CH414", sentence, hint)
                return


def _mask_on(rules: ProductRules | None, column: str) -> MaskRule | None:
    masks = rules.masks.get(column, ()) if rules is not None else ()
    return masks[0] if masks else None


def advise(rules: Rules, catalog: Catalog, behind: Mapping[Spot, frozenset[Spot]]) -> list[LoadError]:
    """Warnings: CH430 a reveal for everybody, CH432 a grant that clears masks for everybody, CH433 a column that shows
    what a rule takes from a column it is made of."""
    found: dict[LoadError, None] = {}
    for products in rules.values():
        found.update(dict.fromkeys(_shown_elsewhere(products, catalog, behind)))
        for product in products.values():
            for masks in product.masks.values():
                found.update(dict.fromkeys(_open_reveals(masks)))
            for grant in product.grants:
                if grant.clears and not _asks(grant.when) and not _asks(grant.rows):
                    sentence = (
                        f"The grant '{grant.name}' lifts masks for every caller: neither 'when' nor 'rows' asks who."
                    )
                    found[
                        LoadError(grant.place, "CH432", sentence, "Add a 'when' that names a claim or the purpose.")
                    ] = None
    return list(found)


def _shown_elsewhere(
    products: Mapping[str, ProductRules], catalog: Catalog, behind: Mapping[Spot, frozenset[Spot]]
) -> Iterator[LoadError]:
    """Tags travel to what is made of a column, rules that name the column do not."""
    for (id_, name), inputs in behind.items():
        rules, column = products.get(id_, ProductRules(id_)), catalog.products[id_].columns[name]
        given = any(name in grant.columns for grant in rules.grants)
        if not given or rules.masks.get(name) or column.declassify is not None:
            continue
        for product, source in sorted(inputs):
            mask = _mask_on(products.get(product), source)
            if mask is not None:
                sentence = (
                    f"{id_}.{name} is made of {product}.{source}, but the mask '{mask.name}' does not stand on it."
                )
                hint = "Mask it too, select both by a tag, or say declassify: {reason: ..} on the column."
                yield LoadError(mask.place, "CH433", sentence, hint)


def _open_reveals(masks: tuple[MaskRule, ...]) -> Iterator[LoadError]:
    for mask in masks:
        if mask.reveal is not None and not _asks(mask.reveal):
            sentence = (
                f"The mask '{mask.name}' reveals to every caller: its 'reveal_when' names no claim and no request.*."
            )
            hint = "Name a claim or the purpose, or state the reason in a grant's 'clear'."
            yield LoadError(mask.reveal.place, "CH430", sentence, hint)


def _asks(condition: Condition | None) -> bool:
    """Whether a condition depends on who asks."""
    return condition is not None and bool(condition.claims or condition.entitlements or condition.requests)
