"""Limits: what a text must keep to before a parser sees it, and a tree before anything walks it twice.

A parser that recurses can be made to overflow, and some blanks and digits are read otherwise by one parser than by
another; such texts are refused by their characters and tokens alone.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from schema.errors import Refusal

MOST_CHARACTERS = 64 * 1024
MOST_TOKENS = 8_000
DEEPEST = 100
LONGEST_PREFIX = 20
DEEPEST_TREE = 200
MOST_TABLES = 200
MOST_STARS = 20
_OUTSIDE = re.compile(r"[^\x20-\x7e\t\n\r]")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_SPLIT_NUMBER = re.compile(r"(?<![\w$.])\d+(?:\.\d+)?_\w*")
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_PREFIX = frozenset({TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE})
_CHAINED = (exp.And, exp.Or)


def check_text(text: str) -> None:
    """Raise `Refusal` CH607 for a text that is too long, CH160 for characters that parsers read differently."""
    if len(text) > MOST_CHARACTERS:
        raise too_large(f"more than {MOST_CHARACTERS} characters")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refusal("CH160", "The statement is no Unicode text: it holds half of a character.", "Send UTF-8.")
    if "\x00" in text:
        raise Refusal("CH160", "The statement holds a NUL character.", "Send text.")
    bare = _QUOTED.sub("''", text)
    strange = _OUTSIDE.search(bare)
    if strange is not None:
        point = f"U+{ord(strange[0]):04X}"
        raise Refusal(
            "CH160",
            f"The statement holds the character {point} outside of quotes.",
            "Names with such characters stand in double quotes; blanks are spaces, tabs and line ends.",
        )
    number = _SPLIT_NUMBER.search(bare)
    if number is not None:
        raise Refusal("CH160", "A number is written with '_' or runs into a name.", "Write 1000, not 1_000.")


def check_tokens(tokens: list[Token]) -> None:
    """Raise `Refusal` CH607 for too many tokens, or too deep a nesting of them."""
    if len(tokens) > MOST_TOKENS:
        raise too_large(f"more than {MOST_TOKENS} words and signs")
    depth = prefix = 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        prefix = prefix + 1 if kind in _PREFIX else 0
        if depth > DEEPEST or prefix > LONGEST_PREFIX:
            raise too_large(f"more than {DEEPEST if depth > DEEPEST else LONGEST_PREFIX} levels of nesting")


def check_tree(tree: exp.Expr) -> None:
    """Raise `Refusal` CH607 for a tree that is too deep or has too many tables; a chain of AND or OR is one level."""
    if sum(1 for _ in tree.find_all(exp.Table)) > MOST_TABLES:
        raise too_large(f"more than {MOST_TABLES} tables")
    level: list[exp.Expr] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST_TREE:
            raise too_large(f"more than {DEEPEST_TREE} levels of operators")
        level = [child for node in level for child in _below(node)]


def _below(node: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    waiting = list(node.iter_expressions())
    while waiting:
        child = waiting.pop()
        if isinstance(node, _CHAINED) and type(child) is type(node):
            waiting.extend(child.iter_expressions())
        else:
            found.append(child)
    return found


def too_large(what: str) -> Refusal:
    return Refusal("CH607", f"The statement has {what}.", "Split it, or send lists as parameters.", status=413)
