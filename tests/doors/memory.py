"""Look for texts in the memory of another process of ours. Linux alone shows it (/proc)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_PLACE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (rw)?")
_PIECE = 4 * 1024 * 1024


def found(pid: int, texts: Sequence[str]) -> set[str]:
    """Those that stand anywhere in what the process may write, as UTF-8 or UTF-16."""
    wanted = {form: text for text in texts for form in (text.encode(), text.encode("utf-16-le"))}
    longest = max(map(len, wanted))
    seen: set[str] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for first, last in _writable(pid):
            for at in range(first, last, _PIECE):
                try:
                    memory.seek(at)
                    held = memory.read(min(_PIECE + longest, last - at))
                except (OSError, ValueError, OverflowError):
                    continue  # gone since, or no memory but a device
                seen |= {text for form, text in wanted.items() if form in held}
    return seen


def _writable(pid: int) -> Iterator[tuple[int, int]]:
    """From where to where, as far as anything has been written there."""
    first = last = 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if place := _PLACE.match(line):
            first, last = (int(place[1], 16), int(place[2], 16)) if place[3] else (0, 0)
        elif line.startswith("Rss:") and int(line.split()[1]) and last:
            yield first, last
