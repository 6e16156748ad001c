"""Escape: strings as JSON and CSV write them.

Most columns hold nothing to escape, which one look at their bytes tells; only the others are rewritten.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_JSON = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_JSON_BYTES = [*range(32), ord('"'), ord("\\")]
_CSV_BYTES = [ord(char) for char in ',"\r\n']


def json_escaped(texts: pa.Array) -> pa.Array:
    """The strings as they stand between quotes in JSON."""
    found = _found(texts, _JSON_BYTES)
    for byte in sorted(found, key=lambda byte: byte != ord("\\")):  # the backslash first: others bring one
        char = chr(byte)
        texts = pc.replace_substring(texts, char, _JSON.get(char, f"\\u{byte:04x}"))
    return texts


def csv_quoted(texts: pa.Array) -> pa.Array:
    """The strings as fields of CSV: in quotes where RFC 4180 asks for them, and the empty string, which is not NULL."""
    empty = pc.equal(pc.binary_length(texts), 0)
    special = _found(texts, _CSV_BYTES)
    if not special and not pc.any(empty).as_py():
        return texts
    quote = empty
    for byte in special:
        quote = pc.or_(quote, pc.match_substring(texts, chr(byte)))
    doubled = pc.replace_substring(texts, '"', '""') if ord('"') in special else texts
    return pc.if_else(quote, pc.binary_join_element_wise(pa.scalar('"'), doubled, pa.scalar('"'), ""), texts)


def _found(texts: pa.Array, wanted: list[int]) -> list[int]:
    """Which of the bytes occur in the column."""
    held = np.frombuffer(content(texts), np.uint8)
    counts = np.bincount(held, minlength=256) if held.size < 1 << 16 else _counts(held)
    return [byte for byte in wanted if counts[byte]]


def _counts(held: np.ndarray) -> np.ndarray:
    """By pieces: counting makes eight bytes of each."""
    return sum(
        (np.bincount(held[at : at + (1 << 16)], minlength=256) for at in range(0, held.size, 1 << 16)),
        np.zeros(256, np.int64),
    )


def content(texts: pa.Array) -> memoryview:
    """The bytes of all strings, one after another, without a copy."""
    _, offsets, data = texts.buffers()
    if data is None or len(texts) == 0:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[texts.offset] : ends[texts.offset + len(texts)]]
