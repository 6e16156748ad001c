"""Registry: from a catalog's source to what answers by key. Drivers are imported when a source needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resolvers.backends.keyed.keyed import Keyed
from schema.catalog import Source

Opener = Callable[[Source, str, Path], Keyed]


def open_keyed(source: Source, url: str, project: Path) -> Keyed:
    """What answers for a source. ``url`` has its secrets resolved; relative paths are the project's.

    Connects to nothing. Raises ValueError with a sentence for a kind, URL or option that has no meaning.
    """
    opener = _OPENERS.get(source.kind)
    if opener is None:
        raise ValueError(f"no back end for kind '{source.kind}'; there are {', '.join(sorted(_OPENERS))}")
    return opener(source, url, project)


_OPENERS: dict[str, Opener] = {}
