"""The column lists of a grant: ``columns``, ``clear`` and ``detokenize``, resolved per product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.select import Match, tagged, tagged_columns
from schema.catalog import Product
from schema.errors import LoadError, Place
from schema.names import did_you_mean
from schema.yaml_source import Entries, Items, Node, Scalar

ByProduct = Mapping[str, frozenset[str]]
Masks = Mapping[str, Mapping[str, frozenset[str]]]
"""The names of the masks on a column, by product and column."""


def granted(matches: tuple[Match, ...], item: Entries, errors: list[LoadError]) -> ByProduct:
    """The columns a grant gives: all that it selects, or those allowed, less those excepted."""
    node = item.map("columns")
    allow = picked(matches, node, "allow", errors) if node.has("allow") else None
    less = picked(matches, node, "except", errors)
    found = {}
    for match in matches:
        id_ = match.product.id
        some = match.names() if allow is None else match.names() & allow.get(id_, frozenset())
        found[id_] = some - less.get(id_, frozenset())
    if not any(found.values()):
        errors.append(LoadError(item.at("columns"), "CH405", "This grant gives no column at all.", "Look at 'except'."))
    return found


def picked(matches: tuple[Match, ...], item: Entries, key: str, errors: list[LoadError]) -> ByProduct:
    """The columns named in a list of names, ``"*"`` and ``{tag: ..}``, by product. CH405 for one that is nowhere."""
    node = item.get(key)
    found: dict[str, frozenset[str]] = {}
    for pick in node.items if isinstance(node, Items) else ():
        hits = {match.product.id: _hits(pick, match) for match in matches}
        if not any(hits.values()):
            errors.append(_nowhere(pick, matches))
        for id_, names in hits.items():
            found[id_] = found.get(id_, frozenset()) | names
    return found


def with_tokens(
    matches: tuple[Match, ...], columns: ByProduct, item: Entries, masks: Masks, errors: list[LoadError]
) -> ByProduct:
    """The columns whose tokens a grant lets look up: of those named, the ones that it gives and that have tokens.

    ``masks`` are the token masks in the grant's zone. An entry that names no such column is a CH424."""
    named = picked(matches, item, "detokenize", errors)
    found = {id_: named.get(id_, frozenset()) & given & masks.get(id_, {}).keys() for id_, given in columns.items()}
    node = item.get("detokenize")
    for pick in node.items if isinstance(node, Items) else ():
        hits = {match.product.id: _hits(pick, match) for match in matches}
        if any(hits.values()) and not any(hits[id_] & names for id_, names in found.items()):
            errors.append(_no_tokens(pick, hits, columns))
    return found


def _no_tokens(pick: Node, hits: ByProduct, columns: ByProduct) -> LoadError:
    what = f"tag '{pick.text('tag')}'" if isinstance(pick, Entries) else f"'{getattr(pick, 'value', '')}'"
    if not any(names & columns.get(id_, frozenset()) for id_, names in hits.items()):
        hint = "Who may look a token up must be given the column too: add it to 'columns'."
        return LoadError(pick.place, "CH424", f"This grant does not give the column of its 'detokenize' {what}.", hint)
    hint = "Only the mask 'token' makes tokens: put it on the column in the grant's zone, or remove this."
    return LoadError(pick.place, "CH424", f"There are no tokens to look up in {what}.", hint)


def _hits(pick: Node, match: Match) -> frozenset[str]:
    if isinstance(pick, Entries):
        return tagged_columns(pick.text("tag") or "", match.product)
    name = str(pick.value) if isinstance(pick, Scalar) else ""
    names = frozenset(match.product.columns)
    return names if name == "*" else names & {name}


def _nowhere(pick: Node, matches: tuple[Match, ...]) -> LoadError:
    what = f"tag '{pick.text('tag')}'" if isinstance(pick, Entries) else f"column '{getattr(pick, 'value', '')}'"
    known = {name for match in matches for name in match.product.columns}
    hint = did_you_mean(str(getattr(pick, "value", "")), known) if isinstance(pick, Scalar) else None
    return LoadError(pick.place, "CH405", f"There is no {what} in the selected products.", hint)


def cleared(
    matches: tuple[Match, ...], columns: ByProduct, item: Entries, masks: Masks, errors: list[LoadError]
) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """The masks a grant lifts, by product and column. An entry that lifts nothing is a CH417."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    node = item.get("clear")
    for entry in node.items if isinstance(node, Items) else ():
        lifted = False
        for product, column, names in _lifted(entry, matches, columns, masks):
            lifted = True
            mine = found.setdefault(product, {})
            mine[column] = mine.get(column, frozenset()) | names
        if not lifted:
            errors.append(_lifts_nothing(entry.place, entry, masks))
    return found


def _lifted(
    entry: Node, matches: tuple[Match, ...], columns: ByProduct, masks: Masks
) -> Iterator[tuple[str, str, frozenset[str]]]:
    for match in matches:
        id_ = match.product.id
        for column in sorted(columns.get(id_, frozenset())):
            chosen = _chosen(entry, match.product, column, masks.get(id_, {}).get(column, frozenset()))
            if chosen:
                yield id_, column, chosen


def _chosen(entry: Node, product: Product, column: str, masks: frozenset[str]) -> frozenset[str]:
    """Which of a column's masks an entry lifts; every key of the entry must hold."""
    names = (column, f"{product.id}.{column}")
    if isinstance(entry, Scalar):
        return masks if entry.value in ("*", *names) else frozenset()
    if not isinstance(entry, Entries):
        return frozenset()
    named, mask, tag = entry.text("column"), entry.text("mask"), entry.text("tag")
    if named is not None and named not in names:
        return frozenset()
    if tag is not None and not tagged(tag, product.columns[column].tags):
        return frozenset()
    return masks if mask is None else masks & {mask}


def _lifts_nothing(place: Place, entry: Node, masks: Masks) -> LoadError:
    known = {name for columns in masks.values() for rules in columns.values() for name in rules}
    mask = entry.text("mask") if isinstance(entry, Entries) else None
    if mask is not None and mask not in known:
        return LoadError(place, "CH417", f"There is no mask '{mask}'.", did_you_mean(mask, known))
    hint = "No column of this grant that it names is masked. Remove it, or look at the tag or column."
    return LoadError(place, "CH417", "This lifts no mask.", hint)
