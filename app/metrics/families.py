"""The metrics there are: names, help, kinds and labels, for those who count and for those who print.

Labels come from the catalog or from our own lists, never from a client's text, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

# Upper bounds in seconds; one more bucket counts what is longer.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
COSTS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
"""Upper bounds of costs."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. ``bounds`` are those of a histogram's buckets, ``most`` is how many sets of labels it has."""

    name: str
    said: str
    kind: Kind
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = BUCKETS
    most: int = 500

    @property
    def sum_at(self) -> int:
        """Where a histogram's sum stands behind its buckets."""
        return len(self.bounds) + 1

    @property
    def cells(self) -> int:
        """How many numbers each set of labels takes."""
        return self.sum_at + 1 if self.kind == "histogram" else 1


REQUESTS = Family("requests_total", "Requests answered.", "counter", ("zone", "route", "method", "status"))
DURATION = Family("request_duration_seconds", "From a request's head to its answer.", "histogram", ("zone", "route"))
STAGES = Family("stage_duration_seconds", "Time in one stage of a request.", "histogram", ("stage",))
PARTNERS = Family(
    "partner_requests_total",
    "Requests of partners: answered, refused, limited by a quota, or stopped.",
    "counter",
    ("zone", "partner", "result"),
)
REFUSALS = Family("refusals_total", "Errors given to callers, by code.", "counter", ("code",))
SOURCE = Family("source_duration_seconds", "Time of one statement at a source.", "histogram", ("source",))
SOURCE_ERRORS = Family("source_errors_total", "Statements that failed at a source.", "counter", ("source", "code"))
BREAKERS = Family("source_breakers", "Breakers of all workers in this state.", "gauge", ("source", "state"))
RETRIES = Family("source_retries_total", "Calls made again after a failure.", "counter", ("source",))
HEDGES = Family(
    "source_hedges_total", "Second calls beside slow ones, by who answered.", "counter", ("source", "winner")
)
POOLS = Family(
    "pool_connections", "Places of the sources' pools, by what they do.", "gauge", ("source", "pool", "state")
)
POOLS_MOST = Family("pool_connections_max", "The most places of the sources' pools.", "gauge", ("source", "pool"))
POOLS_WAITING = Family("pool_pending_requests", "Calls in line for a place.", "gauge", ("source", "pool"))
TURNED_AWAY = Family("source_turned_away_total", "Calls that were not made.", "counter", ("source", "reason"))
PLANS = Family("plans", "Plans in the caches of all workers.", "gauge")
PLAN_REQUESTS = Family("plan_requests_total", "Plans asked for, found or made.", "counter", ("result",))
CACHE = Family("result_cache_total", "Answers asked of the result cache.", "counter", ("result",))
TOKENS = Family("tokens_total", "Tokens that came: remembered, verified or refused.", "counter", ("result",))
INFLIGHT = Family("inflight_requests", "Requests being answered now.", "gauge")
KEYS = Family("jwks_refresh_total", "Fetches of an issuer's keys.", "counter", ("issuer", "result"))
ROWS = Family("rows_returned_total", "Rows in answers, as statements and look-ups gave them.", "counter", ("zone",))
MASKED = Family(
    "masked_fields_total", "Columns in questions that a mask stood before, by product.", "counter", ("product",)
)
ESTIMATED = Family("cost_estimated", "What answers were estimated to cost.", "histogram", ("zone",), COSTS)
ACTUAL = Family("cost_actual", "What a sample of the answers did cost.", "histogram", ("zone",), COSTS)
OPERATIONS = Family(
    "operation_requests_total",
    "Requests for a registered document, by its name.",
    "counter",
    ("zone", "operation", "status"),
    most=2000,
)
OPERATION_DURATION = Family(
    "operation_duration_seconds",
    "From the head of a request for a registered document to its answer.",
    "histogram",
    ("zone", "operation"),
)
POLICY = Family("policy_refusals_total", "Questions that a rule refused, by rule.", "counter", ("rule",))
SHED = Family("shed_total", "Requests turned away because too much was under way.", "counter", ("reason",))
RELOADS = Family("reloads_total", "New versions of the project, by each worker.", "counter", ("result",))
AUDIT = Family("audit_records_total", "Audit records, by what became of them.", "counter", ("sink", "result"))

RECORDED: Mapping[str, Family] = {
    family.name: family
    for family in (
        REQUESTS, DURATION, STAGES, PARTNERS, REFUSALS, SOURCE, SOURCE_ERRORS, BREAKERS, RETRIES, HEDGES, POOLS,
        POOLS_MOST, POOLS_WAITING, TURNED_AWAY, PLANS, PLAN_REQUESTS, CACHE, TOKENS, INFLIGHT, KEYS, ROWS, MASKED,
        ESTIMATED, ACTUAL, OPERATIONS, OPERATION_DURATION, POLICY, SHED, RELOADS, AUDIT,
    )
}  # fmt: skip
PREFIX = "customhouse_"
SHED_BY: Mapping[str, str] = {"CH159": "requests", "CH164": "unread", "CH608": "statements"}
"""The refusals that shed load, and the reason that each is counted under."""
