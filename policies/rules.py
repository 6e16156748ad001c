"""Policies after loading: per product, every rule that concerns it, ready to be evaluated for a caller.

Made by `policies.load`; read by `policies.govern`, `policies.visible`, `policies.rowwise` and `policies.explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sqlglot import exp

from policies.condition import Condition
from schema.errors import LoadError, Place
from schema.types import Type

Preserved = Literal["equality", "order", "prefix"]
Level = Literal["column", "product", "tag", "domain", "zone"]
LEVELS: tuple[Level, ...] = ("column", "product", "tag", "domain", "zone")  # most specific first


class Mask(Protocol):
    """What a masked value looks like. Both renderings agree on the golden vectors in tests/masks/.

    ``kind`` is the word in YAML, ``spec`` its arguments as a sentence for explain and dictionary. ``preserves`` says
    which comparisons of masked values mean something. ``sql`` takes and gives sqlglot AST over logical functions
    (schema.query); the result has the column's type, NULL stays NULL unless ``nulls: hide``; keys appear as
    ``exp.Placeholder("secret:<key>")``. ``row`` is the same for one Python value in its natural type (str, int,
    Decimal, float, datetime ..), with keys by name.
    """

    @property
    def kind(self) -> str: ...
    @property
    def spec(self) -> str: ...
    @property
    def preserves(self) -> frozenset[Preserved]: ...
    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression: ...
    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object: ...


@dataclass(frozen=True, slots=True)
class GrantRule:
    """``rows`` None means every row. ``clears`` are the names of the masks it lifts on this product, per column."""

    name: str
    place: Place
    when: Condition | None
    rows: Condition | None
    columns: frozenset[str]
    clears: Mapping[str, frozenset[str]]
    detokenize: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DenyRule:
    """``columns`` None denies the product (or, with ``rows``, those rows), else only these columns."""

    name: str
    place: Place
    when: Condition | None
    rows: Condition | None
    columns: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class FilterRule:
    name: str
    place: Place
    rows: Condition
    bypass: Condition | None


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A mask on one column. ``reveal`` None never reveals."""

    name: str
    place: Place
    level: Level
    mask: Mask
    reveal: Condition | None


@dataclass(frozen=True, slots=True)
class LocalizeRule:
    """``columns`` None concerns the product. Both the source and the gateway must be in ``locations``."""

    name: str
    place: Place
    locations: frozenset[str]
    columns: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class PrivacyRule:
    """Minimum group: at least ``k`` distinct values of the raw ``key`` columns behind every number."""

    name: str
    place: Place
    key: tuple[str, ...]
    k: int
    aggregate_only: bool
    unless: Condition | None


@dataclass(frozen=True, slots=True)
class ProductRules:
    """Everything that concerns one product in one zone. ``masks`` by column, most specific first."""

    product: str
    grants: tuple[GrantRule, ...] = ()
    denies: tuple[DenyRule, ...] = ()
    filters: tuple[FilterRule, ...] = ()
    masks: Mapping[str, tuple[MaskRule, ...]] = field(default_factory=dict)
    localize: tuple[LocalizeRule, ...] = ()
    privacy: tuple[PrivacyRule, ...] = ()

    def conditions(self) -> tuple[Condition, ...]:
        """Every condition, in one fixed order: the guard tuple of the product follows it."""
        found: list[Condition | None] = []
        for grant in self.grants:
            found += [grant.when, grant.rows]
        for deny in self.denies:
            found += [deny.when, deny.rows]
        for filter_ in self.filters:
            found += [filter_.rows, filter_.bypass]
        for rules in self.masks.values():
            found += [rule.reveal for rule in rules]
        found += [rule.unless for rule in self.privacy]
        return tuple(condition for condition in found if condition is not None)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A sub-select over entitlement products, correlated to claims only; its result is one list bind.

    ``select`` is over *physical* names of ``source``, one item; placeholders are ``claim:`` and ``request:`` only.
    """

    id: str
    source: str
    select: exp.Select
    type: Type
    ttl: float
    cap: int


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """An in-file test: under ``claims`` (and purpose), ``query`` answers ``want`` (rows) or is refused (``error``)."""

    place: Place
    zone: str
    claims: Mapping[str, object]
    purpose: str | None
    query: str
    want: tuple[tuple[object, ...], ...] | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies of a project. ``rules`` by zone, then product id. ``version`` is a digest of the files.

    ``derived`` (product -> column -> checked expression over its bare columns) and ``views`` (product -> checked SELECT
    over product names) are the steward's SQL of the catalog, parsed once. ``warnings`` is what is allowed but unwise.
    """

    version: str
    rules: Mapping[str, Mapping[str, ProductRules]]
    entitlements: Mapping[str, Entitlement]
    tests: tuple[PolicyTest, ...] = ()
    derived: Mapping[str, Mapping[str, exp.Expression]] = field(default_factory=dict)
    views: Mapping[str, exp.Select] = field(default_factory=dict)
    warnings: tuple[LoadError, ...] = ()
