"""Parse: from a text to the tree of its one SELECT, checked against the forms that are offered.

1. Characters, tokens and depth (`limits`).
2. sqlglot reads it in the caller's dialect; its logger is silent, because it prints the statement.
3. For PostgreSQL's dialect PostgreSQL's own parser reads it too (`second`): where the two do not see the same, it is
   refused.
4. Every node is on the list (`schema.sql.forms`).
"""

from __future__ import annotations

import logging
from itertools import pairwise

from sqlglot import Dialect as Reader
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from resolvers.frontends.sql.limits import check_text, check_tokens, check_tree, too_large
from resolvers.frontends.sql.places import place_of
from resolvers.frontends.sql.simplify import simplify
from schema.errors import Refusal
from schema.sql.forms import Outside, check_form
from schema.statement import Dialect

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
READERS: dict[Dialect, str] = {"postgres": "postgres", "duckdb": "duckdb", "bigquery": "bigquery", "ansi": ""}


def parse(text: str, dialect: Dialect) -> exp.Query:
    """The tree. Raises `Refusal` CH160 (cannot be read), CH161 (a form that is not offered), CH607 (too large)."""
    check_text(text)
    reader = Reader.get_or_raise(READERS[dialect])
    try:
        tokens = reader.tokenize(text)
        check_tokens(tokens)
        trees = reader.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except ParseError as error:
        raise _unreadable(error) from None
    except TokenError:
        raise Refusal("CH160", "The statement cannot be read: a quote or comment is not closed.") from None
    except RecursionError:
        raise too_large("too many levels of nesting") from None
    except (SqlglotError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise Refusal("CH160", "The statement cannot be read.", "Check its syntax and the dialect.") from None
    found = [tree for tree in trees if tree is not None]
    if len(found) != 1:
        raise Refusal("CH160", f"One statement is asked for; this text has {len(found)}.", "Send one SELECT.")
    return _checked(found[0], _numbered(text, tokens), dialect)


def _numbered(text: str, tokens: list[Token]) -> str:
    """The text with ``:name`` as ``$1``: PostgreSQL's own parser knows parameters by number only."""
    pieces: list[str] = []
    at = 0
    for colon, name in pairwise(tokens):
        named = colon.token_type is TokenType.COLON and name.start == colon.end + 1 and name.text.isidentifier()
        if named:
            pieces += [text[at : colon.start], "$1"]
            at = name.end + 1
    return "".join([*pieces, text[at:]])


def _checked(tree: exp.Expr, text: str, dialect: Dialect) -> exp.Query:
    check_tree(tree)
    if isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        simplify(tree)
    try:
        check_form(tree, dialect, resolved=False)
    except Outside as outside:
        raise not_offered(outside) from None
    while isinstance(tree, exp.Subquery) and tree.args.get("alias") is None:
        tree = tree.this
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise not_offered(Outside("this", tree))
    if dialect == "postgres":
        # Imported here because it brings a parser and its messages: 30 MB that a gateway without SQL need not hold.
        from resolvers.frontends.sql.second import agree

        agree(text, tree)
    return tree


def not_offered(outside: Outside) -> Refusal:
    """What a form outside the list answers."""
    return Refusal(
        "CH161",
        f"The statement uses what is not offered: {outside.what}.",
        "docs/sql.md lists the forms and functions.",
        locations=place_of(outside.node),
    )


def _unreadable(error: ParseError) -> Refusal:
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line"), first.get("col")
    places = ((line, column),) if isinstance(line, int) and isinstance(column, int) else ()
    where = f" near line {line}, column {column}" if places else ""
    return Refusal(
        "CH160", f"The statement cannot be read{where}.", "Check its syntax and the dialect.", locations=places
    )
