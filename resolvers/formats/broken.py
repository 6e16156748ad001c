"""Broken off: what an answer that cannot say so itself ends with."""

from __future__ import annotations

from schema.errors import Refusal


class BrokenOff(Exception):
    """The answer ended early after bytes had left, in a format that cannot say so."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
