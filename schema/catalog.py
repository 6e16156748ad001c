"""The catalog: what exists. Immutable once loaded; a reload makes a new one.

Read by `schema.load`; every other stage only looks things up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schema.errors import Place
from schema.types import Type
from schema.zone import Zone

Cardinality = Literal["one", "many"]
SourceKind = Literal[
    "bigquery",
    "duckdb",
    "postgres",
    "sqlalchemy",
    "redis",
    "dynamodb",
    "sagemaker_features",
    "feast",
    "onnx",
    "open_inference",
    "mlflow",
    "sagemaker",
    "vertex",
]
STORES = frozenset({"redis", "dynamodb", "sagemaker_features", "feast"})
"""Kinds of sources that keep features and answer by entity key."""
SCORERS = frozenset({"onnx", "open_inference", "mlflow", "sagemaker", "vertex"})
"""Kinds of sources that score inputs."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a product under its logical name.

    ``physical`` is its name in the source (equal to ``name`` unless mapped). ``expression`` is the steward's SQL over
    the product's other columns for a derived column, else None. ``tags`` include the inherited and propagated ones.
    ``field`` is the GraphQL name. ``inputs`` are the columns of the same product that ``expression`` names.
    ``declassify`` is the steward's reason why the tags of the inputs are not inherited. ``nullable`` False: the source
    never has a null there. ``cost`` weighs a value of it (`schema.graphql.weights`), None as usual.
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
    nullable: bool = True
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Relationship:
    """A way from one product to another. ``pairs`` are (column here, column there). ``id`` is
    ``domain.product.name``. ``calls``: it leads to a model, which is given what stands here as its inputs; ``paths``
    are then (relationships and a column at their end, input there) for inputs that come from further away.
    ``cost`` weighs following it once, None as usual."""

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
    calls: bool = False
    paths: tuple[tuple[tuple[str, ...], str], ...] = ()
    cost: int | None = None

    def feeds(self) -> dict[str, tuple[str, ...]]:
        """For a model: by input, what feeds it from here: a column, or relationships and a column at their end."""
        return {**{there: (here,) for here, there in self.pairs}, **{there: path for path, there in self.paths}}


@dataclass(frozen=True, slots=True)
class FeatureView:
    """What makes a product a feature view: its rows are the latest values of an entity, which the product's key names.

    ``event_time`` is the column that says as of when a row holds, ``ttl`` the seconds after which it is stale.
    ``options`` say how the store keeps it, in words of its back end.
    """

    event_time: str | None = None
    ttl: float | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What whoever uses a model should know of it. ``metrics`` by name, ``registry`` a link to where it is kept."""

    training_data: str = ""
    intended_use: str = ""
    registry: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawInputs:
    """Why, and for which purpose of a request, a model gets raw values in place of the caller's governed view."""

    purpose: str
    reason: str


@dataclass(frozen=True, slots=True)
class Model:
    """What makes a product a model: a row of it is one scoring, and its key are the ``inputs``.

    ``inputs`` and ``outputs`` are columns of the product, in the order of the model's signature. An input outside
    ``nullable`` that is null gives no scoring. ``deterministic``: equal inputs give equal outputs, which may be kept
    for as long as the product's ``freshness`` says. ``batch``: most rows of one call. ``options`` are the back end's.
    """

    version: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    deterministic: bool = False
    batch: int | None = None
    raw: RawInputs | None = None
    card: ModelCard = ModelCard()
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Partition:
    """The column that a source cuts a product by. ``required``: each question chooses partitions by a filter on it,
    because reading all of them costs too much. It is no security measure."""

    column: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A governed table, view, feature view or model. ``id`` is ``domain.name``.

    ``physical`` are the identifiers of the table in its source (catalog, schema, table: one to three); ``view`` is the
    steward's SQL over product names instead (then ``physical`` is empty, and ``view_inputs`` are the products it names,
    views among them not unfolded). In a source without SQL it is the one name that the source knows: a feature group,
    a prefix of keys, a model, an endpoint. ``features`` makes a feature view of it and ``model`` a model. ``key`` may
    be empty for entitlements only. ``singular``/``plural`` are the GraphQL roots, ``type_name`` the GraphQL type.
    ``entitlement`` products are never published. ``freshness`` is how old its rows may be, in seconds; with ``cache`` a
    result made of them may be used again for so long. ``partition`` and ``cluster`` say how the source keeps its rows,
    ``rows`` about how many there are. ``cost`` weighs a row, None as usual.
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
    features: FeatureView | None = None
    model: Model | None = None
    partition: Partition | None = None
    rows: int | None = None
    cluster: tuple[str, ...] = ()
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    place: Place
    description: str = ""
    steward: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Replica:
    """The same data at another place: tables, credentials and options are its source's."""

    location: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    """A connection. ``url`` may hold secret references, which only the app resolves; it is empty where the cloud's own
    endpoint is meant. ``location`` is a cloud region. ``session`` gives, for clouds that know session tags, each tag
    the claim that its value is taken from. Which of its ``replicas`` a zone reads is said by `policies.place`."""

    name: str
    kind: SourceKind
    url: str
    place: Place
    location: str | None = None
    required: bool = True
    options: Mapping[str, object] = field(default_factory=dict)
    session: Mapping[str, str] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()

    @property
    def keyed(self) -> bool:
        """Whether it answers by key, not in SQL."""
        return self.kind in STORES | SCORERS


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
class Catalog:
    """Everything that exists, by name. ``version`` is a digest of the files it was read from."""

    version: str
    sources: Mapping[str, Source]
    domains: Mapping[str, Domain]
    products: Mapping[str, Product]
    claims: Mapping[str, Claim]
    issuers: Mapping[str, Issuer]
    zones: Mapping[str, Zone]

    def keyed(self, product: str) -> bool:
        """Whether a product's source answers by key, not in SQL."""
        source = self.sources.get(self.products[product].source)
        return source is not None and source.keyed

    def published(self, zone: str) -> tuple[Product, ...]:
        """The products a zone publishes, in catalog order."""
        chosen = self.zones[zone].products
        return tuple(p for p in self.products.values() if not p.entitlement and (chosen is None or p.id in chosen))

    def shown_columns(self, zone: str, product: Product) -> frozenset[str]:
        """The columns of a published product that a zone shows."""
        shown = self.zones[zone].shows(product.id)
        return (frozenset(product.columns) if shown.columns is None else shown.columns) - shown.withheld

    def shown_relationships(self, zone: str, product: Product) -> tuple[Relationship, ...]:
        """The relationships of a published product that a zone shows: to what it publishes."""
        chosen = self.zones[zone].shows(product.id).relationships
        there = self.zones[zone].products
        return tuple(
            way
            for way in product.relationships.values()
            if (chosen is None or way.name in chosen) and (there is None or way.target in there)
        )

    def relationship(self, id_: str) -> Relationship:
        """The relationship ``domain.product.name``."""
        product, _, name = id_.rpartition(".")
        return self.products[product].relationships[name]
