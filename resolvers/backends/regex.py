r"""Regular expressions in the words that every engine reads alike.

Engines agree on literals, classes, groups, quantifiers and ``^ $``, but not on what ``\d`` covers beyond ASCII, nor on
whether ``$`` may stand before a last line break. So ``\d \w \s`` become ASCII classes and, where an engine is Perl-ish,
``$`` becomes its absolute end. ``.`` matches a line break everywhere: each dialect sets that flag.
"""

from __future__ import annotations

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\r\\f\\v"}


def portable(pattern: str, end: str = "$") -> str:
    """The pattern with ASCII classes spelt out; ``end`` is how the engine writes the absolute end of the text."""
    parts: list[str] = []
    inside = False
    at = 0
    while at < len(pattern):
        char = pattern[at]
        step = 1
        if char == "\\" and at + 1 < len(pattern):
            char, step = _escaped(pattern[at + 1], inside), 2
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
            step = _opening(pattern, at)
            char = pattern[at : at + step]
        elif char == "$":
            char = end
        parts.append(char)
        at += step
    return "".join(parts)


def _opening(pattern: str, at: int) -> int:
    """How long a class's beginning is: ``[``, ``[^``, ``[]`` or ``[^]``, where the bracket is a literal."""
    length = 2 if pattern[at + 1 : at + 2] == "^" else 1
    return length + (pattern[at + length : at + length + 1] == "]")


def _escaped(letter: str, inside: bool) -> str:
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES and not inside:
        return f"[^{_CLASSES[letter.lower()]}]"
    return "\\" + letter
