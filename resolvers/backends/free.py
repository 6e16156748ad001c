"""Free: the nodes of a statement that a caller wrote, which an engine gets as sqlglot spells them for it.

What the gate and the planner write keeps its own rules (`lowering`); between the two stands a mark on each node. A form
that an engine does not have is refused in words of ours.
"""

from __future__ import annotations

import re

from sqlglot import Dialect, ErrorLevel, exp

from schema.errors import Refusal

FREE = "free"
_LOGICAL = re.compile(r"CH_[A-Z_]+")
_HARMLESS = re.compile(r"timezone|time zone|TIMESTAMPTZ|precision|approximate|fraction|null ordering", re.IGNORECASE)
"""What sqlglot warns of and what does not differ here: all sessions are in UTC, types are told by the engine."""


def mark_free(tree: exp.Expr) -> None:
    """Mark every node outside the governed relations, but for binds and logical functions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node._meta is not None and "governed" in node._meta:
            continue
        logical = isinstance(node, exp.Anonymous) and _LOGICAL.fullmatch(str(node.this)) is not None
        if not logical and not isinstance(node, exp.Placeholder):
            node.meta[FREE] = True
        waiting.extend(node.iter_expressions())


def spelt_freely(tree: exp.Expression, sqlglot_name: str) -> str:
    """The text for an engine. Raises `Refusal` CH166 for what it has no words for."""
    generator = Dialect.get_or_raise(sqlglot_name).generator(
        identify=True, comments=False, unsupported_level=ErrorLevel.IGNORE
    )
    try:
        text = generator.generate(tree, copy=False)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _no_words() from None
    if any(_HARMLESS.search(message) is None for message in generator.unsupported_messages):
        raise _no_words()
    return text


def _no_words() -> Refusal:
    return Refusal(
        "CH166",
        "The source of these tables has no form of something in the statement.",
        "Write it with other functions; docs/sql.md says what each engine lacks.",
    )
