"""The shapes of zones: what an audience is given, on which terms, and who is in it."""

from __future__ import annotations

from schema.limits import PARTNERS_COST, WRITTEN, Limits
from schema.load_shape import Anything, Either, Flag, ListOf, MapOf, Number, Record, Text
from schema.load_shapes_words import LOCAL, LOCAL_WORDS, PRODUCT, duration, may, need, size
from schema.names import LOGICAL
from schema.zone import ROOTS, RULES

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
RATE = r"[1-9][0-9]{0,11}/[1-9][0-9]{0,5}(s|m|h|d)"


def _rate(about: str) -> Text:
    return Text(about, RATE, "a rate", examples=("600/1m", "100000/1d"))


def _most(name: str) -> Number:
    limit, usual = WRITTEN[name], getattr(Limits(), name)
    partners = f", and {PARTNERS_COST} where partners ask" if name == "cost" else ""
    return Number(f"{limit.about} Default {usual}{partners}.", least=1, most=limit.most)


LIMITS = Record({
    "page_size": may(Number("Rows of a page where the caller names none. Default 100.", least=1, most=1_000_000)),
    "max_page_size": may(Number("Most rows of a page. Default 1000.", least=1, most=1_000_000)),
    "max_rows": may(Number("Most rows of one answer. Default 100000.", least=1, most=1_000_000_000)),
    "max_answer_bytes": may(size("Largest answer. Default 32MiB.")),
    "max_candidates": may(Number("Most rows that are looked at to filter or order by what another source knows. "
                                 "Default 10000.", least=1, most=1_000_000)),
    "max_body_bytes": may(size("Largest request body. Default 1MiB.")),
    "max_header_bytes": may(size("Longest query string and headers together. Default and most 64KiB.")),
    "max_token_bytes": may(size("Longest token. Default and most 8KiB.")),
    **{limit.key: may(_most(name)) for name, limit in WRITTEN.items()},
    "show_cost": may(Flag("Whether callers who ask for it are told what an answer costs. Default true, and false where "
                          "partners ask.")),
    "rate": may(Record({
        "requests": may(_rate("Most requests in a time.")),
        "cost": may(_rate("Most that operations may cost in a time, as estimated before they run.")),
    }, "What each caller may take.", "callerRate")),
    "timeout": may(duration("Longest run of a request. Default 25s.")),
}, "Limits of a zone.", "limits")  # fmt: skip

FORMATS = ("json", "ndjson", "csv", "arrow", "parquet")
SQL = Record({
    "enabled": may(Flag("false: the zone answers no SQL. Default true, and false where partners ask.")),
    "max_rows": may(Number("Most rows of one answer. Default 1000000.", least=1, most=1_000_000_000)),
    "max_bytes": may(size("Largest answer, as Arrow. Default 1GiB.")),
    "timeout": may(duration("Until the last row is read. Default 120s.")),
    "statements": may(Number("Most statements at once in one process. Default 16.", least=1, most=10_000)),
    "statements_per_caller": may(Number("Most statements at once of one caller. Default 4.", least=1, most=10_000)),
    "joined_rows": may(Number("Most rows pulled to be joined across sources. Default 5000000.", least=1,
                              most=1_000_000_000)),
    "crossed_rows": may(Number("Most rows that tables without a join between them would make, by the rows that "
                               "products declare. Default 100000000.", least=1, most=1_000_000_000_000_000)),
    "joined_bytes": may(size("Most bytes pulled to be joined across sources. Default 512MiB.")),
    "formats": may(ListOf(Text(words=FORMATS), "The formats answers may have. Default: all.", least=1)),
}, "What SQL may take in a zone.", "sql")  # fmt: skip

_COLUMN = Text("", LOGICAL, "a column's name")
PUBLISHED = Record({
    "columns": may(Either((
        ListOf(_COLUMN, least=1),
        Record({"except": need(ListOf(_COLUMN, "Columns it does not show.", least=1))}, "All but some.", "columns"),
    ), "The columns it shows, or {except: [..]}. Default: all.")),
    "relationships": may(ListOf(Text("", LOGICAL, "a relationship's name"),
                                "The relationships it shows. Default: all to products that the zone publishes.")),
    "roots": may(ListOf(Text(words=ROOTS), "The fields of Query that start from it. Default: all. An empty list: it is "
                        "reached over relationships only.")),
}, "What a zone shows of a product.", "published")  # fmt: skip

OWN_SOURCE = Record({
    "url": may(Text("Where the zone reads it, with the zone's own credentials: a secret reference.")),
    "options": may(MapOf(Anything(), "Laid over the source's options: pool_size, for instance.")),
}, "A source in the zone's own way.", "own source")  # fmt: skip

_QUOTA = {
    "requests": may(_rate("Most requests in a time.")),
    "rows": may(_rate("Most rows in a time.")),
}
QUOTAS = Record({
    **_QUOTA,
    "products": may(MapOf(Record(_QUOTA, "Of one product.", "quota"), "Also, by product id.", PRODUCT, "a product id")),
}, "What each partner may take.", "quotas")  # fmt: skip

PARTNER = Record({
    "description": may(Text("Who it is.")),
    "contact": may(Text("Whom to call there: Name <address>.")),
    "claims": may(MapOf(Anything(), "The claims its tokens hold, by declared name: for its kit and for checks.")),
    "quotas": may(QUOTAS),
}, "A partner.", "partner")  # fmt: skip

WAIVER = Record({
    "rule": need(Text("Which rule.", words=tuple(RULES))),
    "on": may(Text("On which product, column, relationship, issuer or source. Default: wherever it is broken.")),
    "reason": need(Text("Why this is right, for whoever reviews it.")),
    "since": need(Text("Since when.", DATE, "a date", examples=("2026-01-31",))),
}, "A rule that the zone does not keep.", "waiver")  # fmt: skip

ZONE = Record({
    "issuers": need(ListOf(Text(), "Names of the issuers whose tokens it accepts.", least=1)),
    "audiences": may(ListOf(Text(), "Of the issuers' audiences, those that are meant for it. Default: all.", least=1)),
    "exposure": may(Text("Who asks: people of this house, or partners. Default internal for the zone of that name, "
                         "partner for others.", words=("internal", "partner"))),
    "listen": may(Record({
        "port": need(Number("The port it is served at.", least=0, most=65535)),
        "host": may(Text("The address. Default: $HOST or 127.0.0.1.")),
    }, "Where it is served.", "listen")),
    "products": may(ListOf(Text("", PRODUCT, "a product id, domain.product", examples=("operations.flights",)),
                           "Ids of the products it publishes, whole. Absent: all but entitlements.")),
    "publish": may(MapOf(PUBLISHED, "The products it publishes, by id, and what of each: in place of 'products'.",
                         PRODUCT, "a product id")),
    "node": may(Flag("false: rows are not asked for by their node id. Default true.")),
    "region": may(Text("The cloud region this gateway runs in: request.region in policies.")),
    "sources": may(MapOf(OWN_SOURCE, "Sources that it reads in its own way, by name.", LOCAL, LOCAL_WORDS)),
    "operations": may(Text("any: whatever is valid. trusted: registered documents only. Default any, and trusted where "
                           "partners ask.", words=("any", "trusted"))),
    "automatic_documents": may(Number("How many documents clients may register by asking them (automatic persisted "
                                      "queries), in each process. Default 1000, and 0 where partners ask.",
                                      least=0, most=100_000)),
    "master_key": may(Text("The secret that its keys for hashes, tokens and seals are derived from: a reference.")),
    "contact": may(Text("Whom its callers may turn to: Name <address>. Partners are told it in place of stewards.")),
    "partner_claim": may(Text("The claim whose value names the partner.", LOGICAL, "a claim's name")),
    "partners": may(MapOf(PARTNER, "Its partners, by the value of partner_claim.", LOCAL, LOCAL_WORDS)),
    "quotas": may(QUOTAS),
    "waive": may(ListOf(WAIVER, "Rules for zones of partners that it does not keep, each with a reason and a date.")),
    "limits": may(LIMITS),
    "sql": may(SQL),
}, "An audience with its own schema and listener.", "zone")  # fmt: skip
