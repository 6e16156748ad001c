"""Durations and sizes as they are written in settings: ``25s``, ``24h``, ``32MiB``."""

from __future__ import annotations

import re

DURATION = r"[0-9]{1,9}(ms|s|m|h|d)"
SIZE = r"[0-9]{1,12}(B|kB|KB|MB|GB|KiB|MiB|GiB)"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_PARTS = re.compile(r"([0-9]+)([A-Za-z]+)")


def seconds(text: str) -> float | None:
    """``25s`` as 25.0; None where the text is no duration."""
    if not re.fullmatch(DURATION, text):
        return None
    match = _PARTS.fullmatch(text)
    return None if match is None else int(match[1]) * _SECONDS[match[2]]


def size(text: str) -> int | None:
    """``32MiB`` as bytes; None where the text is no size."""
    if not re.fullmatch(SIZE, text):
        return None
    match = _PARTS.fullmatch(text)
    return None if match is None else int(match[1]) * _BYTES[match[2]]


def rate(text: str) -> tuple[int, float] | None:
    """``600/1m`` as (600, 60.0); None where the text is no rate."""
    many, _, window = text.partition("/")
    length = seconds(window)
    return (int(many), length) if many.isascii() and many.isdecimal() and length else None
