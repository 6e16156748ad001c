"""From the text of a steward's SQL to a syntax tree, with everything refused that sqlglot would misread.

Length and nesting are limited on the tokens, before anything recursive sees them. What the tree may hold is decided
afterwards, node by node (`policies.predicate_read`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from policies.fault import Fault

LONGEST = 10_000
MOST_TOKENS = 4_000
DEEPEST = 60

_NUMBER = re.compile(r"\d{1,18}(\.\d{1,18})?")
_ODD_BLANK = re.compile(r"[^\S \t\r\n]|[\x00-\x08\x0e-\x1f\x7f]")
_OPENING = frozenset({TokenType.L_PAREN, TokenType.CASE, TokenType.L_BRACKET})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.END, TokenType.R_BRACKET})
_PREFIX = frozenset({TokenType.NOT, TokenType.DASH, TokenType.TILDE, TokenType.PLUS})
_REFUSED = {
    TokenType.SEMICOLON: "holds more than one statement",
    TokenType.PARAMETER: "holds '@' or '$', which have no meaning here",
    TokenType.PLACEHOLDER: "holds a '?' bind, which has no meaning here",
    TokenType.COLON: "holds a ':name' bind, which has no meaning here",
}


@lru_cache(maxsize=4096)
def parse_predicate(text: str) -> exp.Expression:
    """Read one SQL expression (PostgreSQL's grammar). The result is shared: never change it. Raises `Fault` CH406."""
    _check(text)
    try:
        tree: exp.Expr | None = sqlglot.parse_one(text, dialect="postgres", into=exp.Condition)
    except (SqlglotError, RecursionError):
        tree = None
    if not isinstance(tree, exp.Expression):
        hint = "A predicate is what stands after WHERE, for example: carrier IN claims.carriers"
        raise Fault("CH406", f"{shortened(text)} is not one SQL expression.", hint)
    return tree


def parse_view(text: str) -> exp.Select:
    """Read one SELECT (PostgreSQL's grammar). Raises `Fault` CH406 or CH420."""
    _check(text)
    try:
        statement = sqlglot.parse_one(text, dialect="postgres")
    except (SqlglotError, RecursionError):
        raise Fault("CH406", f"{shortened(text)} is not one SELECT.") from None
    if type(statement) is not exp.Select:
        raise Fault("CH420", f"{shortened(text)} is not a SELECT.", "A view is one SELECT over products.")
    return statement


def shortened(text: str) -> str:
    """The text as it may stand in a sentence."""
    flat = " ".join(text.split())
    return f"'{flat}'" if len(flat) <= 80 else f"'{flat[:77]}...'"


def _check(text: str) -> None:
    if not text.strip():
        raise Fault("CH406", "The SQL text is empty.")
    if len(text) > LONGEST:
        raise Fault("CH406", f"The SQL text has {len(text)} characters; at most {LONGEST} are read.")
    if _ODD_BLANK.search(text):
        raise Fault("CH406", f"{shortened(text)} holds a control character or an unusual blank.", "Use plain spaces.")
    try:
        tokens = sqlglot.tokenize(text, dialect="postgres")
    except SqlglotError:
        raise Fault("CH406", f"{shortened(text)} cannot be split into words.", "Is a quote left open?") from None
    _check_tokens(text, tokens)


def _check_tokens(text: str, tokens: list[Token]) -> None:
    if len(tokens) > MOST_TOKENS:
        raise Fault("CH406", f"The SQL text has {len(tokens)} words; at most {MOST_TOKENS} are read.")
    depth = run = 0
    for token in tokens:
        if token.token_type in _REFUSED:
            raise Fault("CH406", f"{shortened(text)} {_REFUSED[token.token_type]}.")
        if token.token_type is TokenType.NUMBER and not _NUMBER.fullmatch(token.text):
            raise Fault("CH406", f"'{token.text}' is not a plain number.", "Write digits, with at most one point.")
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        run = run + 1 if token.token_type in _PREFIX else 0
        if depth + run > DEEPEST:
            raise Fault("CH406", f"{shortened(text)} is nested deeper than {DEEPEST} levels.")
    for one, other in pairwise(tokens):
        if one.token_type is TokenType.NUMBER and one.end + 1 == other.start and other.text[:1].isidentifier():
            raise Fault("CH406", f"'{one.text}{other.text}' is not a plain number.", "Write digits only.")
