"""What the gateway is made of, and what every worker is given."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from app.apart import apart
from app.assemble import MakeEngine, OpenSource, RevealSource
from app.doors import Door
from app.http.surround import Dictionary, Explain
from app.loaded import Loaded, Read, read
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway is made of, beside HTTP and tokens: how a project is loaded, opened, answered and explained.

    ``load`` is a function of a module: it is called in another process (`app.apart`)."""

    load: Read
    reveal_source: RevealSource
    open_source: OpenSource
    make_engine: MakeEngine
    dictionary: Dictionary
    explain: Explain


@dataclass(frozen=True, slots=True)
class Post:
    """A door with its listener, and the keys of its zone by use."""

    door: Door
    listener: socket.socket
    keys: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker needs. Nothing in it is open but the listeners, so it can be had before a fork."""

    settings: Settings
    parts: Parts
    posts: tuple[Post, ...]

    def load(self) -> Loaded:
        """Read the project again. Raises LoadErrors, StartError."""
        doors = tuple(post.door for post in self.posts)
        return apart(partial(read, self.parts.load, self.settings.project, self.settings.environment, doors))
