"""Scrub: a source's statement as it may stand in the log: no literal, no bound value, no name that a caller made up.

Values are bound and never in a statement's text; what a steward wrote into a rule can be, and is as telling. So every
literal becomes ``?``, whoever wrote it, and every name that is neither the project's nor ours becomes ``x``.
"""

from __future__ import annotations

import re

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from schema.catalog import Catalog

LONGEST = 2_000
_MARKS = re.compile(r"/\*(?:list|bind):\d+\*/")
_OURS = re.compile(r"(?:[a-z]{1,2}\d{0,4}|excluded)|[~_][\w~=.>-]*")
_SPOKEN = frozenset({"NULLS"})  # a word of SQL that the tokenizer takes for a name
_WORD = re.compile(r"[A-Za-z_]\w*")
_LITERALS = frozenset(kind for kind in TokenType if kind.name.endswith("STRING") or kind == TokenType.NUMBER)


def words_of(catalog: Catalog) -> frozenset[str]:
    """The names that statements may show: those of products, columns and tables, and those in a steward's SQL."""
    found: set[str] = set()
    for product in catalog.products.values():
        found |= {product.id, product.domain, product.name, *product.physical}
        found |= set(_WORD.findall(product.view or ""))
        for column in product.columns.values():
            found |= {column.name, column.physical, *_WORD.findall(column.expression or "")}
    return frozenset(found)


def scrubbed_sql(text: str, dialect: str, words: frozenset[str]) -> str:
    """The statement without values, at most `LONGEST` characters. Never raises."""
    try:
        return _written(_MARKS.sub(" ? ", text), dialect, words)[:LONGEST]
    except (SqlglotError, ValueError, TypeError, RecursionError):
        return "(cannot be written)"


def _written(text: str, dialect: str, words: frozenset[str]) -> str:
    tokens = Dialect.get_or_raise(dialect).tokenize(text)
    said: list[str] = []
    end = -1
    for at, token in enumerate(tokens):
        if token.start > end + 1:
            said.append(" ")  # a comment between two tokens is left out as well
        before = tokens[at - 1].token_type if at else None
        following = tokens[at + 1].token_type if at + 1 < len(tokens) else None
        written = text[token.start : token.end + 1]
        numbered = before == TokenType.PARAMETER and token.token_type == TokenType.NUMBER  # $1 is a bind
        said.append(written if numbered else _shown(token, written, following, words))
        end = token.end
    return "".join(said).strip()


def _shown(token: Token, written: str, following: TokenType | None, words: frozenset[str]) -> str:
    if token.token_type in _LITERALS:
        return "?"
    if token.token_type == TokenType.IDENTIFIER:
        return written if _known(token.text, words) else "x"
    if token.token_type == TokenType.VAR and following != TokenType.L_PAREN:
        return written if _known(token.text, words) else "x"
    return written


def _known(name: str, words: frozenset[str]) -> bool:
    return name in words or name in _SPOKEN or _OURS.fullmatch(name) is not None
