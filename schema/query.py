"""What passes from the front ends to the gate and on: a tree of SELECTs over logical names, and the answer's shape.

A front end (policy-blind) writes, per list, object or aggregate of the answer, one `Block`. Its ``select`` is a sqlglot
`Select` of exactly this form, all columns qualified, all identifiers quoted, nothing physical in it::

    SELECT <expr> AS c0, <expr> AS c1 ..            -- one item per Output, alias = Output.alias
    FROM "operations"."flights" AS "t0"             -- db = domain, this = product name; no catalog part
    WHERE .. GROUP BY .. HAVING .. ORDER BY .. LIMIT .. OFFSET ..

- a column is ``"t0"."dep_delay"`` under its *logical* name;
- a bind is ``exp.Placeholder(this=<slot name>)``; no literal that a caller wrote ever stands in the text;
- a filter through a relationship is ``EXISTS(SELECT 1 FROM "operations"."planes" AS "t1" WHERE <link> AND ..)``;
- a link compares the two sides' *link columns*: ``"t0"."~operations.flights.plane.0" =
  "t1"."~operations.flights.plane.0"`` (one per key pair). Both sides have the column under the relationship's id. The
  gate gives it the raw key, or NULL where the caller may not traverse;
- ``"t0"."~key.0"``, ``"~key.1"`` .. are the row's identity for tie-breaks, cursors and node ids: the raw key where the
  caller sees it clear on every row, else its zone HMAC (then of type string). A front end that needs their values
  reads them as type string (``CH_TEXT("t0"."~key.0")``);
- what another source knows of a row is gathered first (`Gathering`) and bound:
  ``CH_IN("t0"."~operations.flights.plane.0", :g)`` for one key pair, ``CH_IN(CH_TOKEN(..), :g)`` for several or for the
  row's identity;
- ``"t0"."~raw.passport"`` and ``"t0"."~token.passport"`` are for looking a token up and stand in one form of select
  only, whose block is ``one`` and without children: ``SELECT "t0"."~raw.passport" AS "c0" FROM .. WHERE
  "t0"."~token.passport" = :token ORDER BY "t0"."~key.0" LIMIT 1``.

Names beginning with ``~`` cannot be written by a caller. Link columns may only be compared to each other; only the
gate and the planner give them a meaning.

Functions: standard SQL as sqlglot's typed nodes where every engine agrees, else *logical functions*, which are
``exp.Anonymous`` nodes named ``CH_..`` with one meaning, lowered by each dialect (`resolvers.backends.dialect`):

- ``CH_IN(value, :list)``           value = any element of a list bind
- ``CH_TEXT(value, 'type')``        the value as text, in the wire form of its type (as spelt in a catalog); without the
  second argument, as for ``~key`` columns, a plain cast to text
- ``CH_HAS(array, :value)``         the array has the element
- ``CH_CONTAINS(text, :pattern)``   LIKE with a pattern the gateway escaped ('\\' escapes); case-sensitive
- ``CH_ICONTAINS(text, :pattern)``  the same, case-insensitive
- ``CH_TRUNCATE('month', value)``   start of the second, minute, hour, day, week (Monday), month, quarter, year; UTC
  for timestamps
- ``CH_SUM(value)``                 sum, widened: integers to decimal, decimals unbounded, floats to float
- ``CH_AVG(value)``                 average as float
- ``CH_STDDEV(value)``              sample standard deviation as float, NULL below two rows
- ``CH_PERCENTILE(value, :q)``      continuous percentile as float (only where Capabilities.percentile)
- ``CH_HMAC(:key, text)``           lower-case hex HMAC-SHA-256 of the text's UTF-8, NULL for NULL
- ``CH_HMAC_INT(:key, text)``       its first 63 bits as bigint
- ``CH_LEFT(text, n)``, ``CH_RIGHT(text, n)``, ``CH_LENGTH(text)`` in characters; ``CH_REPEAT(text, n)``
- ``CH_REGEX_REPLACE(text, :pattern, :replacement)``  all matches; the pattern was validated at load
- ``CH_FLOOR_TO(number, :width)``   width * floor(number / width), same type as the number
- ``CH_ROUND_TO(number, digits)``   round half away from zero, same type as the number
- ``CH_TOKEN(text, text ..)``      the texts as one, NULL where one of them is: what rows are told apart by
- ``CH_BOUND(text, :texts, :values)``  the value that stands in the place of the text in two list binds, else NULL
- ``CH_SPLIT_PART(text, separator, n)``  n from 1; '' past the end
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from schema.types import Type

SEPARATOR = "\x1f"
"""Stands between the texts that ``CH_TOKEN`` joins."""

Origin = Literal[
    "constant", "variable", "list", "cursor", "node", "claim", "request", "secret", "keys", "gathered", "entitlement"
]


@dataclass(frozen=True, slots=True)
class Slot:
    """A bind of a statement: where its value comes from when the statement runs.

    - ``constant``: ``value`` is it;
    - ``variable``: ``path`` into the coerced variables, e.g. ``("where", "carrier", "eq")``; ``"*"`` goes into every
      item of a list;
    - ``list``: a list of the values of the slots in ``value``;
    - ``cursor``: ``path`` leads to the sealed cursor (or ``value`` holds it), ``index`` picks the sort value, ``seal``
      is what the cursor must have been sealed for;
    - ``node``: the same for a node id; ``index`` picks the key part, from 1 (the product's id stands first);
    - ``claim`` / ``request``: ``path`` is the name; ``secret``: ``path`` names a mask key of the zone;
    - ``entitlement``: ``path`` names an entitlement of the governed query;
    - ``keys``: the link values of parent rows (set by the planner);
    - ``gathered``: ``path`` names a gathering and which of its lists (``members``, or ``keys`` and ``values``);
      ``seal`` is the relationship whose link columns may be compared to them, if any.

    ``transform`` is applied to the value: ``like_contains``, ``like_starts``, ``like_ends`` escape it into a pattern.
    """

    name: str
    type: Type
    origin: Origin
    many: bool = False
    path: tuple[str | int, ...] = ()
    value: object = None
    index: int = 0
    seal: str = ""
    transform: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One value of a block's rows: the alias of its select item, and its type (which decides its wire form)."""

    alias: str
    type: Type


@dataclass(frozen=True, slots=True)
class Feed:
    """Where an input of a model comes from: link column ``pair`` of the parent, or ``output`` of the block at the end
    of ``path``, which are children of the parent one below the other. Neither: nothing that this caller may see."""

    pair: int | None = None
    path: tuple[str, ...] = ()
    output: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One list, object or aggregate of the answer.

    ``one``: at most one row is wanted (a relationship to one, a look-up by key). ``exact``: the answer is null unless
    exactly one row matches (the select then has LIMIT 2). ``aggregate``: always exactly one row per parent, also where
    nothing matches. ``probe``: the select fetches one row more than asked, to know whether there is a next page.
    ``reverse``: rows come in the reverse of the wanted order. ``relationship`` links a child to its parent's rows;
    the parent is always the relationship's owner.

    ``entity``: one object also where there is no row, all of its values null (a feature view). ``feeds``: the inputs of
    a model, in their order, where the block is a scoring of its parent's rows. ``keys``: the binds of the parts of the
    product's key, for a root that asks for rows by key: of one row, or lists that belong together by position. With
    ``listed`` the rows come one for each key, in their order, None where there is none: ``match`` are the outputs that
    hold the parts of a row's key (none for a model, whose scorings come in order).
    """

    name: str
    product: str
    select: exp.Select
    outputs: tuple[Output, ...]
    children: tuple[Block, ...] = ()
    relationship: str | None = None
    one: bool = False
    exact: bool = False
    aggregate: bool = False
    probe: bool = False
    reverse: bool = False
    entity: bool = False
    feeds: tuple[Feed, ...] = ()
    keys: tuple[str, ...] = ()
    match: tuple[int, ...] = ()
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Gathering:
    """What is asked of one source to bind it in a question to another: a question before the question.

    - ``links``: the different link values of ``block``'s rows on the far side of its relationship;
    - ``matches``: of ``block``'s rows, those whose child ``child`` fulfils ``condition`` (over ``"t"."column"``, each
      with its output in ``columns``; None always holds): their link values on the near side of the child's
      relationship, or, with ``identified``, their identity, which is the first output;
    - ``values``: by the identity of ``block``'s rows (first output), the output ``output`` of their child.

    Links come different; more than the zone's ``max_candidates`` is CH604.
    """

    name: str
    kind: Literal["links", "matches", "values"]
    block: Block
    child: str = ""
    condition: exp.Expr | None = None
    columns: tuple[tuple[str, int], ...] = ()
    identified: bool = False
    output: int = 0


# --- the answer's shape: what the encoder writes, in response order -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """``key: <output index of the current block's row>``. With ``pick``, only these fields of a struct (or of each
    struct of an array, at any depth of arrays); a null struct stays null."""

    key: str
    index: int
    pick: tuple[Pick, ...] = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """``key: <field of a struct>``, itself picked from where ``fields`` are given; without ``field``: ``key:
    value``."""

    key: str
    field: str | None
    value: object = None
    fields: tuple[Pick, ...] = ()


@dataclass(frozen=True, slots=True)
class Literal_:
    """``key: <constant>``, such as __typename, or the answer of introspection."""

    key: str
    value: object


@dataclass(frozen=True, slots=True)
class Nest:
    """``key: {..}`` over the same row (``sum { fare }``, ``key { carrier }``)."""

    key: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class One:
    """``key: {..} | null``: the single row of the block."""

    key: str
    block: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """``key: [{..}, ..]``: the block's rows."""

    key: str
    block: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class Edges:
    """``key: [{cursor, node {..}}, ..]``: ``fields`` hold `Cursor`, `Node` and `Literal_` entries."""

    key: str
    block: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """``key: {..}`` inside an edge, over the edge's row."""

    key: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """``key: <sealed cursor of the row>`` from the outputs at ``indexes``; ``seal`` says what for."""

    key: str
    indexes: tuple[int, ...]
    seal: str


@dataclass(frozen=True, slots=True)
class NodeId:
    """``key: <sealed node id of the row>`` from the outputs at ``indexes``."""

    key: str
    indexes: tuple[int, ...]
    product: str


@dataclass(frozen=True, slots=True)
class PageInfo:
    """``key: {..}`` of a connection. ``fields`` are (response key, one of hasNextPage, hasPreviousPage, startCursor,
    endCursor, __typename). ``backward`` for last/before. ``anchored``: a cursor or offset was given, so that there is
    something on the near side."""

    key: str
    block: str
    fields: tuple[tuple[str, str], ...]
    cursor: Cursor
    backward: bool
    anchored: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """``key: {..}``: an object without rows of its own; ``fields`` refer to blocks that are its parent's children."""

    key: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """``key: <output index of the only row of a block>``, such as totalCount; null where a block that is no aggregate
    has no row. Stands at the root, or in a `Connection`, whose parent's children (or the roots) hold the block."""

    key: str
    block: str
    index: int


@dataclass(frozen=True, slots=True)
class Status:
    """``key: PRESENT | MISSING``: whether there is a row, seen by the output at ``index`` not being null."""

    key: str
    index: int


@dataclass(frozen=True, slots=True)
class Stale:
    """``key: true | false | null``: whether the moment at ``index``, of this type, is more than ``ttl`` seconds ago."""

    key: str
    index: int
    type: Type
    ttl: float


@dataclass(frozen=True, slots=True)
class ByKeys:
    """``key: [{..}, ..]``: for each of the keys that the block was asked for, its row. Without one null, or an entity's
    empty object."""

    key: str
    block: str
    fields: tuple[ShapeField, ...]


ShapeField = (
    Leaf
    | Literal_
    | Nest
    | One
    | Many
    | Edges
    | Node
    | Cursor
    | NodeId
    | PageInfo
    | Connection
    | Total
    | Status
    | Stale
    | ByKeys
)


@dataclass(frozen=True, slots=True)
class Limit:
    """A page size or offset to check when the values are known: ``slot`` names the bind, 0 to ``most`` are allowed."""

    slot: str
    most: int


@dataclass(frozen=True, slots=True)
class LogicalQuery:
    """A compiled operation, before policy. ``blocks`` are the roots; ``shape`` is the answer's ``data``.

    ``digest`` identifies (document, operation name, variable shape). ``limits`` are checked at bind time. ``products``
    are all products named anywhere, filters included. ``gatherings`` run first, each after those that its own block
    binds.
    """

    digest: str
    blocks: tuple[Block, ...]
    shape: tuple[ShapeField, ...]
    slots: Mapping[str, Slot]
    products: frozenset[str]
    limits: tuple[Limit, ...] = ()
    gatherings: tuple[Gathering, ...] = ()


def blocks_of(roots: tuple[Block, ...]) -> tuple[Block, ...]:
    """All blocks of a tree, parents before children."""
    found: list[Block] = []
    for block in roots:
        found.append(block)
        found.extend(blocks_of(block.children))
    return tuple(found)
