"""Automatic persisted documents: texts that clients of one zone have asked, by hash, so that they need not send them
again. One for a process and a zone; what was asked longest ago goes first.

Only the text is kept. Whoever asks it by its hash is answered as if he had sent it.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_BYTES = 16 * 1024 * 1024


class Automatic:
    """Texts by hash, bounded in number, as each call says, and in bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._texts: OrderedDict[str, str] = OrderedDict()

    def find(self, hash_: str) -> str | None:
        """The text of a hash, if it is kept."""
        text = self._texts.get(hash_)
        if text is not None:
            self._texts.move_to_end(hash_)
        return text

    def keep(self, hash_: str, text: str, most: int) -> None:
        """Keep a text that has been answered, and ``most`` in all."""
        if hash_ not in self._texts:
            self._texts[hash_] = text
            self._bytes += _size(text)
        while self._texts and (len(self._texts) > most or self._bytes > self._most_bytes):
            self._bytes -= _size(self._texts.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._texts)


def _size(text: str) -> int:
    """At most so many bytes: four for a character."""
    return len(text) if text.isascii() else 4 * len(text)
