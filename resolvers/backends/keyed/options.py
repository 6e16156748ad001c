"""Options of sources and products, as the catalog gives them: read, checked, and refused where they mean nothing.

Each raises ValueError with a sentence that holds no value of an option, since it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Options = Mapping[str, object]


def known(options: Options, names: Iterable[str], whose: str) -> None:
    """Raise ValueError unless each option is one of these names."""
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise ValueError(f"{whose} has no option '{unknown[0]}'; there are {', '.join(sorted(names))}")


def whole(options: Options, name: str, default: int, most: int) -> int:
    """A whole number from 1 to ``most``."""
    found = options.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= most:
        raise ValueError(f"option '{name}' is a whole number from 1 to {most}")
    return found


def word(options: Options, name: str, words: Iterable[str], default: str) -> str:
    """One of some words."""
    found = options.get(name, default)
    if not isinstance(found, str) or found not in words:
        raise ValueError(f"option '{name}' is one of {', '.join(words)}")
    return found


def text(options: Options, name: str) -> str | None:
    """A text that is not empty, or None where the option is absent."""
    found = options.get(name)
    if found is not None and (not isinstance(found, str) or not found):
        raise ValueError(f"option '{name}' is a text")
    return found


def flag(options: Options, name: str, default: bool = False) -> bool:
    found = options.get(name, default)
    if not isinstance(found, bool):
        raise ValueError(f"option '{name}' is true or false")
    return found


def mapping(options: Options, name: str) -> Mapping[str, object]:
    """A mapping; empty where the option is absent."""
    found = options.get(name, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"option '{name}' is a mapping")
    return found


def seconds(options: Options, name: str, default: float) -> float:
    """A time above 0, below an hour."""
    found = options.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 3600:
        raise ValueError(f"option '{name}' is a number of seconds above 0")
    return float(found)
