"""Page: which rows of a list are wanted, from its paging arguments."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from graphql import FieldNode
from sqlglot import exp

from resolvers.frontends.graphql.compile.job import Job
from resolvers.frontends.graphql.compile.order import Term
from resolvers.frontends.graphql.given import Given, Value
from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal
from schema.query import Limit
from schema.types import BIGINT
from schema.zone import Zone

_ALIAS = re.compile(r'"t\d+"')
_SLOT = re.compile(r":s\d+")


@dataclass(frozen=True, slots=True)
class Page:
    """``size`` None is the default. ``backward`` counts from the end. The cursors are sealed texts."""

    size: Value | None
    offset: Value | None
    after: Value | None
    before: Value | None
    backward: bool

    @property
    def anchored(self) -> bool:
        """Something lies on the near side: a cursor or an offset was given."""
        if self.backward:
            return self.before is not None
        skipped = self.offset is not None and (self.offset.path is not None or self.offset.value != 0)
        return self.after is not None or skipped


def page(zone: Zone, arguments: Mapping[str, Given], node: FieldNode) -> Page:
    """Read the paging arguments. Raises `Refusal` CH113 where they contradict each other or ask for too much."""
    found = {name: value for name, value in arguments.items() if isinstance(value, Value)}
    if "first" in found and "last" in found:
        raise _refusal("'first' and 'last' cannot both be given.", "Page forward with first, backward with last.", node)
    if "last" in found and "offset" in found:
        raise _refusal("'last' and 'offset' cannot both be given.", "Page backward with last and before.", node)
    for name in ("first", "last"):
        _check(found.get(name), name, zone.max_page_size, node)
    _check(found.get("offset"), "offset", zone.max_rows, node)
    return Page(
        found.get("first") or found.get("last"),
        found.get("offset"),
        found.get("after"),
        found.get("before"),
        "last" in found,
    )


def _check(value: Value | None, name: str, most: int, node: FieldNode) -> None:
    if value is None or value.path is not None:
        return
    if not isinstance(value.value, int) or not 0 <= value.value <= most:
        raise _refusal(f"'{name}' is a number from 0 to {most}.", "Ask for several pages.", node)


def _refusal(message: str, hint: str, node: FieldNode) -> Refusal:
    return Refusal("CH113", message, hint, locations=locations(node))


def limited(job: Job, select: exp.Select, wanted: Page, probe: bool) -> exp.Select:
    """Put LIMIT and OFFSET on a select; with ``probe``, one row more than asked. Values are checked at bind time."""
    size = wanted.size or Value(min(job.zone.page_size, job.zone.max_page_size))
    rows: exp.Expr = _bound(job, size, job.zone.max_page_size)
    if probe:
        rows = exp.Add(this=rows, expression=exp.Literal.number(1))
    select.set("limit", exp.Limit(expression=rows))
    if wanted.offset is not None:
        select.set("offset", exp.Offset(expression=_bound(job, wanted.offset, job.zone.max_rows)))
    return select


def _bound(job: Job, value: Value, most: int) -> exp.Placeholder:
    bind = job.bind(BIGINT, value)
    if value.path is not None:
        job.limits.append(Limit(bind.name, most))
    return bind


def seal(list_: str, product: str, terms: tuple[Term, ...], condition: exp.Expr | None) -> str:
    """What a cursor of this list is sealed for: the list, its order, and the form of its filter.

    Names of relations and binds do not count, so that a query may change elsewhere between two pages.
    """
    order = ", ".join(term.spelt() for term in terms)
    text = condition.sql() if condition is not None else ""
    aliases: dict[str, str] = {}
    text = _ALIAS.sub(lambda match: aliases.setdefault(match[0], f"r{len(aliases)}"), _SLOT.sub("?", text))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{list_}|{product}|{order}|{digest}"
