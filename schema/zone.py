"""A zone: an audience with its own schema, listener, issuers, credentials, keys and limits.

Read by `schema.load_zones` from ``zones:`` of customhouse.yaml. A zone exposed to partners is held to the rules of
`policies.safety` and answers registered documents only, unless its steward says otherwise by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schema.errors import Place
from schema.limits import Limits

Exposure = Literal["internal", "partner"]
Operations = Literal["any", "trusted"]
Root = Literal["one", "list", "by_keys", "aggregate", "groups", "detokenize"]
ROOTS: tuple[Root, ...] = ("one", "list", "by_keys", "aggregate", "groups", "detokenize")
INTERNAL = "internal"
"""The name of the zone that is internal without saying so."""

MOST_HEADER_BYTES, MOST_TOKEN_BYTES = 64 * 1024, 8 * 1024
"""More than this of either is read in no zone."""

RULES: Mapping[str, str] = {
    "row-filter": "Each grant of a published product, or a row filter on it, is bound to a claim of the caller.",
    "mask": "Each published column tagged pii or pci has a mask.",
    "relationship": "Relationships lead to published products only.",
    "key": "No other zone has the same keys for hashes and tokens.",
    "issuer": "No internal zone accepts the same tokens.",
    "model-inputs": "The zone publishes whatever is given to a model that it publishes.",
    "credentials": "Sources that take credentials are read with credentials that no other zone has.",
}
"""What a zone exposed to partners must keep, by the name that waives it."""


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What SQL may take in a zone: rows and bytes of an answer, seconds until its last row, statements at once in a
    process and of one caller, rows and bytes that are pulled to be joined across sources, and rows of tables that
    nothing joins, by their declared sizes. ``formats`` None: all there are."""

    enabled: bool = True
    max_rows: int = 1_000_000
    max_bytes: int = 1024 * 1024 * 1024
    timeout: float = 120.0
    statements: int = 16
    statements_per_caller: int = 4
    joined_rows: int = 5_000_000
    joined_bytes: int = 512 * 1024 * 1024
    crossed_rows: int = 100_000_000
    formats: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a zone shows of one product. None shows all there is, but for the columns of ``withheld``. What is not
    shown may still be looked at by rules, keys of relationships, derived columns and views. ``roots`` are the fields
    of Query that start from it."""

    columns: frozenset[str] | None = None
    relationships: frozenset[str] | None = None
    roots: frozenset[Root] | None = None
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a zone is served. ``host`` None: where the process is told to."""

    port: int
    host: str | None = None


@dataclass(frozen=True, slots=True)
class OwnSource:
    """How a zone reads a source in its own way: its URL and what stands over the source's options."""

    url: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    limit: int
    window: float


@dataclass(frozen=True, slots=True)
class CallerRate:
    """Requests, and what they may cost as estimated, that each caller may take; None: as many as it likes."""

    requests: Rate | None = None
    cost: Rate | None = None

    @property
    def some(self) -> bool:
        """Whether anything is bounded by it."""
        return self.requests is not None or self.cost is not None


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests and rows that one partner may take; None: as many as it likes."""

    requests: Rate | None = None
    rows: Rate | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """Quotas of one partner: over everything, and product by product."""

    all: Quota = Quota()
    products: Mapping[str, Quota] = field(default_factory=dict)

    @property
    def some(self) -> bool:
        """Whether anything is bounded by them."""
        return any(quota != Quota() for quota in (self.all, *self.products.values()))


@dataclass(frozen=True, slots=True)
class Partner:
    """A party of a zone, known by the value of the zone's ``partner_claim``. ``claims`` are those its tokens hold, for
    its kit and for checks; ``quotas`` are the zone's with the partner's own over them."""

    name: str
    place: Place
    description: str = ""
    contact: str = ""
    claims: Mapping[str, object] = field(default_factory=dict)
    quotas: Quotas = Quotas()


@dataclass(frozen=True, slots=True)
class Waiver:
    """A rule of `RULES` that a zone does not keep: on what (a product, column, relationship, issuer or source; None:
    anywhere), why, and since when (an ISO date)."""

    rule: str
    on: str | None
    reason: str
    since: str
    place: Place


@dataclass(frozen=True, slots=True)
class Zone:
    """``products`` None publishes everything but entitlements; ``published`` says what of them, where it is not all.

    ``audiences`` None: those of its issuers. ``sources`` are read in the zone's own way. ``operations`` ``trusted``
    answers registered documents only; ``automatic`` is how many documents clients may register by asking them (0:
    none). ``contact`` is whom its callers may turn to. ``master_key`` refers to the secret its keys are derived from.
    ``partner_claim`` names the claim whose value is a name of ``partners``; without it nobody is a partner.
    ``limits`` are those of documents and variables, ``rate`` what each caller may take. ``show_cost``:
    whoever asks what an answer costs is told.
    """

    name: str
    issuers: tuple[str, ...]
    place: Place
    products: frozenset[str] | None = None
    region: str | None = None
    page_size: int = 100
    max_page_size: int = 1000
    max_rows: int = 100_000
    max_candidates: int = 10_000
    max_answer_bytes: int = 32 * 1024 * 1024
    max_body_bytes: int = 1024 * 1024
    max_header_bytes: int = MOST_HEADER_BYTES
    max_token_bytes: int = MOST_TOKEN_BYTES
    limits: Limits = field(default_factory=Limits)
    rate: CallerRate = CallerRate()
    show_cost: bool = True
    timeout: float = 25.0
    sql: SqlLimits = SqlLimits()
    exposure: Exposure = "internal"
    published: Mapping[str, Published] = field(default_factory=dict)
    node: bool = True
    audiences: tuple[str, ...] | None = None
    listen: Listen | None = None
    sources: Mapping[str, OwnSource] = field(default_factory=dict)
    operations: Operations = "any"
    automatic: int = 0
    master_key: str | None = None
    contact: str = ""
    partner_claim: str | None = None
    partners: Mapping[str, Partner] = field(default_factory=dict)
    quotas: Quotas = Quotas()
    waivers: tuple[Waiver, ...] = ()

    @property
    def restricted(self) -> bool:
        """Whether its callers are of other houses."""
        return self.exposure == "partner"

    @property
    def metered(self) -> bool:
        """Whether some partner's requests or rows are counted."""
        return any(partner.quotas.some for partner in self.partners.values())

    def shows(self, product: str) -> Published:
        """What it shows of a product that it publishes."""
        return self.published.get(product, ALL)

    def waived(self, rule: str, on: str) -> bool:
        """Whether its steward has waived a rule there."""
        return any(waiver.rule == rule and waiver.on in (None, on) for waiver in self.waivers)


ALL = Published()
