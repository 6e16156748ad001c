"""Draft: from what a database says of itself to the domains, products and relationships of a first catalog.

1. Every table becomes a product, in the domain of its schema (or a given one, where the source has no schemas).
2. Columns whose type the catalog has no word for are left out, and said.
3. Foreign keys become relationships, with their inverse, where both sides are in the draft and can be joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.steward.init_guess import key_guess, personal
from app.steward.init_names import Fields, Roots, free, logical
from resolvers.backends.backend import ForeignKey, TableInfo
from schema.load_products import UNFIT_KEYS
from schema.names import singular
from schema.types import Kind, Type, parse_type


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """``tag`` is guessed from the name."""

    name: str
    physical: str
    type: Type
    description: str
    tag: str | None


@dataclass(frozen=True, slots=True)
class DraftRelationship:
    name: str
    to: str
    pairs: tuple[tuple[str, str], ...]
    inverse: str


@dataclass(slots=True)
class DraftProduct:
    """``proven``: the source itself holds the key unique. ``graphql``: singular, plural and type, where the defaults
    are taken. ``left_out`` are (column, engine type)."""

    domain: str
    name: str
    path: tuple[str, ...]
    description: str
    columns: dict[str, DraftColumn]
    key: tuple[str, ...]
    proven: bool
    graphql: tuple[str, str, str] | None
    left_out: tuple[tuple[str, str], ...]
    fields: Fields
    relationships: list[DraftRelationship] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.domain}.{self.name}"


@dataclass(frozen=True, slots=True)
class Draft:
    """``skipped`` are tables without any column that can be read, or be a key."""

    products: tuple[DraftProduct, ...]
    skipped: tuple[str, ...]


def draft(tables: Iterable[TableInfo], domain: str) -> Draft:
    """Draft a catalog. ``domain`` is for tables without a schema."""
    roots = Roots()
    products: dict[tuple[str, ...], DraftProduct] = {}
    skipped: list[str] = []
    found = sorted(tables, key=lambda table: table.path)
    for number, table in enumerate(found, 1):
        product = _product(table, number, domain, roots, {product.id for product in products.values()})
        if product is None:
            skipped.append(".".join(table.path))
        else:
            products[table.path] = product
    for table in found:
        keys = [key for key in table.foreign_keys if table.path in products and key.target in products]
        named = [(_pairs(products[table.path], products[key.target], key), products[key.target]) for key in keys]
        for pairs, target in sorted(named, key=lambda one: (_unnamed(one[0]), one[0])):
            _relate(products[table.path], target, pairs)
    return Draft(tuple(products.values()), tuple(skipped))


def _product(table: TableInfo, number: int, domain: str, roots: Roots, taken: set[str]) -> DraftProduct | None:
    fields = Fields()
    columns: dict[str, DraftColumn] = {}
    left_out: list[tuple[str, str]] = []
    for at, column in enumerate(table.columns, 1):
        try:
            type_ = parse_type(column.type)
        except ValueError:
            left_out.append((column.name, column.type.removeprefix("unknown:").strip()))
            continue
        name = fields.column(column.name, at)
        columns[name] = DraftColumn(name, column.name, type_, column.comment, personal(name))
    by_physical = {column.physical: name for name, column in columns.items()}
    name = logical(table.path[-1], f"table_{number}")
    key = tuple(by_physical[part] for part in table.key if part in by_physical)
    proven = bool(key) and len(key) == len(table.key)
    if not proven:
        guess = key_guess(name, tuple(column for column in columns if columns[column].type.kind not in UNFIT_KEYS))
        key = (guess,) if guess is not None else ()
    if not key or any(columns[part].type.kind in UNFIT_KEYS for part in key):
        return None
    home = logical(table.path[-2], "schema") if len(table.path) > 1 else domain
    name = free(name, lambda one: f"{home}.{one}" in taken)
    names = roots.take(home, name)
    return DraftProduct(home, name, table.path, table.comment, columns, key, proven, names, tuple(left_out), fields)


Pairs = tuple[tuple[str, str], ...]


def _pairs(owner: DraftProduct, target: DraftProduct, key: ForeignKey) -> Pairs:
    """The column pairs of a foreign key; none where a column was left out, or cannot be joined."""
    mine = {column.physical: name for name, column in owner.columns.items()}
    theirs = {column.physical: name for name, column in target.columns.items()}
    far = key.target_columns or tuple(target.columns[part].physical for part in target.key)
    if len(far) != len(key.columns) or not set(key.columns) <= mine.keys() or not set(far) <= theirs.keys():
        return ()
    pairs = tuple((mine[here], theirs[there]) for here, there in zip(key.columns, far, strict=True))
    return pairs if all(_joinable(owner.columns[a].type, target.columns[b].type) for a, b in pairs) else ()


def _unnamed(pairs: Pairs) -> bool:
    """Keys whose column names the relationship come first: the others make do with what is left."""
    return len(pairs) != 1 or _stem(*pairs[0]) is None


def _relate(owner: DraftProduct, target: DraftProduct, pairs: Pairs) -> None:
    """A relationship to one, and back to many."""
    if not pairs:
        return
    name = owner.fields.relationship(_to_one(target.name, pairs), many=False)
    back = owner.name if owner.name != singular(owner.name) else f"{owner.name}_rows"
    inverse = target.fields.relationship((back, f"{back}_by_{name}"[:50]), many=True)
    owner.relationships.append(DraftRelationship(name, target.id, pairs, inverse))


def _joinable(here: Type, there: Type) -> bool:
    whole = {here.kind, there.kind} <= {Kind.INTEGER, Kind.BIGINT}
    return (here.kind is there.kind or whole) and here.kind not in UNFIT_KEYS


def _to_one(target: str, pairs: Pairs) -> tuple[str, ...]:
    """Candidates for the name: the column without its ending, the target's singular, both together."""
    one, both = singular(target), f"{pairs[0][0]}_{singular(target)}"[:50]
    stem = _stem(*pairs[0]) if len(pairs) == 1 else None
    return (one, both) if stem is None else (stem, one, both)


def _stem(here: str, there: str) -> str | None:
    """What a key column says of its target: ``plane`` for ``plane_id``, and for ``plane_tailnum`` to a ``tailnum``."""
    for ending in (f"_{there}", "_id", "_code", "_key", "_no", "_uuid"):
        if here.endswith(ending) and len(here) > len(ending):
            return here.removesuffix(ending)
    return None
