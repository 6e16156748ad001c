"""Whether two servers give the same answer: the same leaf values, as multisets; names and nesting may differ.

Numbers and texts that are numbers are the same to four decimals, since a decimal is a text here and a number there.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

_PATIENCE = 30


class Wrong(Exception):
    """An answer that is none, or another one."""


def ask(url: str, body: str, authorization: str | None) -> tuple[dict[str, Any], int]:
    """An answer and its bytes. Raises Wrong for one with errors."""
    headers = {"Content-Type": "application/json", **({"Authorization": authorization} if authorization else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=_PATIENCE) as response:
            raw = response.read()
    except OSError as error:
        raise Wrong(f"{url}: {error}") from None
    answer: dict[str, Any] = json.loads(raw)
    if answer.get("errors"):
        raise Wrong(f"{url}: {json.dumps(answer['errors'])[:400]}")
    return answer, len(raw)


def leaves(answer: dict[str, Any]) -> list[str]:
    """Every leaf of the data, in one order."""
    return sorted(_leaves(answer["data"]))


def compare(name: str, got: list[list[str]], expected: list[list[str]]) -> None:
    """Raise Wrong where an answer differs, with the first leaves that do."""
    for number, (one, other) in enumerate(zip(got, expected, strict=True)):
        if one != other:
            missing = [leaf for leaf in other if leaf not in one][:3]
            added = [leaf for leaf in one if leaf not in other][:3]
            sizes = f"{len(one)} leaves instead of {len(other)}"
            raise Wrong(f"{name} answers question {number} differently: {sizes}, has {added}, lacks {missing}")


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield _leaf(value)


def _leaf(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        return f"{Decimal(str(value)):.4f}"
    except InvalidOperation:
        return str(value)
