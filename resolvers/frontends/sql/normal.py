"""Normal: a statement's text without its values, for logs: what was asked, and nothing of whom it was asked about.

Literals, parameters and JSON keys are ``?``; a name that the caller made up, which may be anything, is ``x``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import exp
from sqlglot.errors import SqlglotError

from schema.trees import copied, preorder

LONGEST = 4_000
_OURS = re.compile(r"[tc]\d+|~q\d+|~=.*")


def normal(tree: exp.Query, reader: str, names: Collection[str]) -> str:
    """The text of a resolved statement, at most `LONGEST` characters. ``names`` are those of the catalog in it."""
    found = copied(tree)
    for node in preorder(found):
        if isinstance(node, exp.Literal | exp.Placeholder) and node.parent is not None:
            node.replace(exp.Placeholder())
        elif isinstance(node, exp.JSONPathKey):
            node.set("this", "?")
        elif isinstance(node, exp.Identifier) and node.name not in names and _OURS.fullmatch(node.name) is None:
            node.set("this", "x")
    try:
        return found.sql(reader, comments=False)[:LONGEST]
    except (SqlglotError, ValueError, TypeError, RecursionError):
        return "(cannot be written)"
