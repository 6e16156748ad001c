"""Read a parsed expression by allow-list: each node class has one reader, each argument must be known to it.

The result is rebuilt from scratch, so nothing that was not understood survives. Every construct on the list is *total*:
it gives a value or NULL on any row and never raises, in every engine, because an error is an answer about hidden rows
(DESIGN: "a subquery is not a barrier"). What names mean is the `Scope`'s business.

Spelling of the result: columns as the scope gives them; claims and request values as
``exp.Placeholder("claim:tenant")`` and ``("request:zone")``; list membership as ``CH_IN(value, :claim:carriers)``; LIKE
as ``CH_CONTAINS(value, 'pattern')`` and ILIKE as ``CH_ICONTAINS``, both with a literal pattern escaped by ``\\``;
``CAST(x AS text)`` as ``CH_TEXT(x, 'type')``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlglot import exp

from policies.fault import Fault
from policies.predicate_text import shortened
from policies.predicate_types import Term
from schema.catalog import Claim
from schema.types import Kind

DEEPEST = 100
BINARY = ("this", "expression")


class Scope(Protocol):
    """What names mean in one place."""

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        """The value of a dotted name (already folded to lower case where unquoted). Raises `Fault` CH409."""

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        """The claim, where the name is that of a list claim."""

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        """``value IN (SELECT ..)``. Raises `Fault` CH416 where sub-selects have no meaning."""

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        """An aggregate function, where it may stand; else None."""


@dataclass(slots=True)
class Found:
    """What an expression names."""

    claims: set[str] = field(default_factory=set)
    nonempty: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)
    entitlements: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


class Reader:
    """Reads one expression. ``found`` gathers what it names."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.found = Found()
        self._depth = 0

    def condition(self, node: exp.Expression, positive: bool = False) -> Term:
        """Read what must be true, false or unknown."""
        term = self.value(node, positive)
        if term.type is not None and term.type.kind is not Kind.BOOLEAN:
            raise Fault(
                "CH410", f"{term.said} is no condition.", "A condition is true or false: compare it with something."
            )
        return term

    def value(self, node: object, positive: bool = False) -> Term:
        """Read any value. ``positive``: only AND, OR and IS TRUE stand around it, so that an empty list gives less."""
        if not isinstance(node, exp.Expression):
            raise Fault("CH407", "Something is missing in this expression.")
        reader = _READERS.get(type(node))
        if reader is None:
            raise refused(node)
        extra = {name for name, value in node.args.items() if value} - _ARGS[type(node)]
        if extra:
            raise refused(node, f" with {', '.join(sorted(extra))}")
        self._depth += 1
        if self._depth > DEEPEST:
            raise Fault("CH406", f"The expression is nested deeper than {DEEPEST} levels.")
        try:
            return reader(self, node, positive)
        finally:
            self._depth -= 1

    def literal_text(self, node: object, what: str) -> str:
        if isinstance(node, exp.Literal) and node.is_string:
            return str(node.this)
        raise Fault("CH407", f"{what} must be a quoted text.")

    def literal_count(self, node: object, what: str, least: int) -> exp.Expression:
        count = int(node.this) if isinstance(node, exp.Literal) and str(node.this).isdigit() else -1
        if isinstance(node, exp.Literal) and not node.is_string and least <= count <= 1_000_000:
            return exp.Literal.number(count)
        raise Fault("CH407", f"{what} must be a whole number from {least} to 1000000.")

    def text(self, node: object, what: str) -> exp.Expression:
        term = self.value(node)
        if term.type is not None and term.type.kind is not Kind.STRING:
            raise Fault("CH410", f"{what} needs text, but {term.said} is none.", "CAST(.. AS text) makes text of it.")
        return term.sql


Read = Callable[[Reader, exp.Expression, bool], Term]
_READERS: dict[type[exp.Expression], Read] = {}
_ARGS: dict[type[exp.Expression], frozenset[str]] = {}


def reads(kind: type[exp.Expression], *args: str) -> Callable[[Read], Read]:
    """Put a reader on the allow-list: for exactly this node class, with exactly these arguments."""

    def add(read: Read) -> Read:
        _READERS[kind], _ARGS[kind] = read, frozenset(args)
        return read

    return add


def refused(node: exp.Expression, extra: str = "") -> Fault:
    """CH407 for a construct that is not on the list."""
    name = shortened(node.sql(dialect="postgres", comments=False))
    if type(node) is exp.Anonymous:
        name = node.name.upper()
    elif isinstance(node, exp.Func):
        name = node.sql_names()[0]
    return Fault(
        "CH407", f"{name}{extra} may not be used here.", _HINTS.get(type(node), "docs/policies.md lists what may.")
    )


_HINTS: dict[type[exp.Expression], str] = {
    exp.Div: "A division fails on zero; compare with a product instead: a > 2 * b.",
    exp.Mod: "A remainder fails on zero.",
    exp.RegexpLike: "Regular expressions can fail or run long; use LIKE.",
    exp.RegexpILike: "Regular expressions can fail or run long; use ILIKE.",
    exp.SimilarTo: "Use LIKE.",
    exp.Escape: "LIKE always escapes with a backslash.",
    exp.Exists: "Write a relationship path (plane.manufacturer = ..), or IN (SELECT ..) from an entitlement product.",
    exp.Subquery: "A sub-select may only stand as value IN (SELECT .. FROM <entitlement product> ..).",
    exp.Concat: "CONCAT treats NULL differently from engine to engine; use a || b.",
    exp.CurrentDate: "Use request.time.",
    exp.CurrentTimestamp: "Use request.time.",
    exp.Greatest: "Engines differ on NULL here; use CASE.",
    exp.Least: "Engines differ on NULL here; use CASE.",
    exp.ByteString: "Write plain quoted text.",
}


def name_parts(node: exp.Expression) -> tuple[str, ...]:
    """The parts of a dotted name, unquoted ones in lower case."""
    found = []
    for key in ("catalog", "db", "table", "this"):
        part = node.args.get(key)
        if part is None:
            continue
        if type(part) is not exp.Identifier:
            raise Fault("CH407", "'*' may not be used here.")
        found.append(str(part.this) if part.args.get("quoted") else str(part.this).lower())
    return tuple(found)


def unwrap(node: exp.Expression) -> exp.Expression:
    """The node without parentheses around it."""
    while type(node) is exp.Paren:
        node = node.this
    return node
