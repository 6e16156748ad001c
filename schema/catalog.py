"""The catalog: what exists. Immutable once loaded; a reload makes a new one.

Read by `schema.load`; every other stage only looks things up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schema.errors import Place
from schema.types import Type

Cardinality = Literal["one", "many"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a product under its logical name.

    ``physical`` is its name in the source (equal to ``name`` unless mapped). ``expression`` is the steward's SQL over
    the product's other columns for a derived column, else None. ``tags`` include the inherited and propagated ones.
    ``field`` is the GraphQL name. ``inputs`` are the columns of the same product that ``expression`` names.
    ``declassify`` is the steward's reason why the tags of the inputs are not inherited.
    """

    name: str
    type: Type
    place: Place
    field: str
    physical: str
    description: str = ""
    tags: frozenset[str] = frozenset()
    expression: str | None = None
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    inputs: frozenset[str] = frozenset()
    declassify: str | None = None


@dataclass(frozen=True, slots=True)
class Relationship:
    """A way from one product to another. ``pairs`` are (column here, column there). ``id`` is
    ``domain.product.name``."""

    id: str
    name: str
    field: str
    owner: str
    target: str
    cardinality: Cardinality
    pairs: tuple[tuple[str, str], ...]
    place: Place
    description: str = ""
    traverse_masked: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A governed table or view. ``id`` is ``domain.name``.

    ``physical`` are the identifiers of the table in its source (catalog, schema, table: one to three); ``view`` is the
    steward's SQL over product names instead (then ``physical`` is empty, and ``view_inputs`` are the products it names,
    views among them not unfolded). ``key`` may be empty for entitlements only. ``singular``/``plural`` are the GraphQL
    roots, ``type_name`` the GraphQL type. ``entitlement`` products are never published. ``freshness`` is how old its
    rows may be, in seconds; with ``cache`` a result made of them may be used again for so long.
    """

    id: str
    domain: str
    name: str
    source: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    relationships: Mapping[str, Relationship]
    place: Place
    type_name: str
    singular: str
    plural: str
    physical: tuple[str, ...] = ()
    view: str | None = None
    description: str = ""
    tags: frozenset[str] = frozenset()
    owner: str = ""
    freshness: float | None = None
    cache: bool = False
    entitlement: bool = False
    view_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    place: Place
    description: str = ""
    steward: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """A connection. ``url`` may hold secret references, which only the app resolves. ``location`` is a cloud region."""

    name: str
    kind: Literal["duckdb", "postgres", "sqlalchemy"]
    url: str
    place: Place
    location: str | None = None
    required: bool = True
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim policies may name. ``type`` is scalar; ``many`` makes it a list."""

    name: str
    type: Type
    many: bool
    place: Place
    description: str = ""


@dataclass(frozen=True, slots=True)
class ClaimPath:
    """Where one issuer keeps a claim: the first present path wins.

    A path is a tuple of object keys. ``split`` makes a list of a string at that separator; ``single_as_list`` lets one
    value stand for a list of one.
    """

    claim: str
    paths: tuple[tuple[str, ...], ...]
    split: str | None = None
    single_as_list: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """A token issuer. Exactly one of ``jwks_url``, ``jwks_file``, ``oidc``, ``development`` says where its keys are."""

    name: str
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    claims: Mapping[str, ClaimPath]
    place: Place
    jwks_url: str | None = None
    jwks_file: str | None = None
    oidc: bool = False
    development: bool = False
    purposes: ClaimPath | None = None
    max_lifetime: float | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """An audience with its own schema. ``products`` None publishes everything but entitlements."""

    name: str
    issuers: tuple[str, ...]
    place: Place
    products: frozenset[str] | None = None
    region: str | None = None
    page_size: int = 100
    max_page_size: int = 1000
    max_rows: int = 100_000
    max_answer_bytes: int = 32 * 1024 * 1024
    max_body_bytes: int = 1024 * 1024
    timeout: float = 25.0


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that exists, by name. ``version`` is a digest of the files it was read from."""

    version: str
    sources: Mapping[str, Source]
    domains: Mapping[str, Domain]
    products: Mapping[str, Product]
    claims: Mapping[str, Claim]
    issuers: Mapping[str, Issuer]
    zones: Mapping[str, Zone]

    def published(self, zone: str) -> tuple[Product, ...]:
        """The products a zone publishes, in catalog order."""
        chosen = self.zones[zone].products
        return tuple(p for p in self.products.values() if not p.entitlement and (chosen is None or p.id in chosen))

    def relationship(self, id_: str) -> Relationship:
        """The relationship ``domain.product.name``."""
        product, _, name = id_.rpartition(".")
        return self.products[product].relationships[name]
