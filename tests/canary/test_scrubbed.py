"""What of an engine's message may stand in the log: words, but no cell that the engine tripped over."""

from __future__ import annotations

import pytest

from resolvers.backends.failures import scrubbed

CASES = [
    ("relation \"people\" does not exist", "relation '..' does not exist"),
    ("Conversion Error: string 'CANARY' to INT32", "Conversion Error: string '..' to INT32"),
    ("Could not convert string 'O'Brien CANARY' to INT32", "Could not convert string '..' to INT32"),
    ("Could not convert string 'first\nCANARY' to INT32\n\nLINE 1: SELECT 'x'", "Could not convert string '..'"),
    ("invalid input syntax: \"it's \"CANARY\" here\"", "invalid input syntax: '..'"),
    ("unterminated quoted string at 'CANARY", "unterminated quoted string at '..'"),
    ("duplicate key (id)=(CANARY (1) 2)", "duplicate key '..'"),
    ("Overflow in multiplication of INT32 (12345 * 99999)!", "Overflow in multiplication of INT32 (.. * ..)!"),
    ("Type INT64 with value -5000000000 is out of range", "Type INT64 with value .. is out of range"),
    ("date out of range: 2024-01-02 10:00:00", "date out of range: .. .."),
    ("[Errno 111] Connect call failed ('127.0.0.1', 5432)", "[Errno 111] Connect call failed ('..', ..)"),
    ("\n\n", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CASES)
def test_scrubbed(text: str, said: str) -> None:
    assert scrubbed(text) == said
