"""The lifeline: a pipe whose writing end only the parent holds. When the parent is gone, however it went, it closes.

Workers watch their end, so that no orphan serves on behind a supervisor's back. A pipe does the same on every system;
Linux alone has a signal for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lifeline:
    """``held`` is the parent's end, ``watched`` the children's."""

    watched: int
    held: int

    @classmethod
    def make(cls) -> Lifeline:
        return cls(*os.pipe())

    def let_go(self) -> None:
        """In a child: only the parent holds it."""
        os.close(self.held)

    @contextlib.contextmanager
    def watching(self, parted: Callable[[], None]) -> Iterator[None]:
        """Call once, from the running loop, when the parent has gone."""
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self.watched)
            parted()

        loop.add_reader(self.watched, ended)
        try:
            yield
        finally:
            loop.remove_reader(self.watched)
