"""Shapes: what may stand where in a project's YAML, declared once.

A shape checks a tree (`check`: every misfit is a LoadError with its place, CH206 to CH209) and writes itself as JSON
Schema (`schema.jsonschema`), so that editors and the loader agree. Shapes know kinds, names and ranges, nothing about
what a name refers to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schema.errors import LoadError, Place
from schema.names import did_you_mean
from schema.yaml_source import Entries, Items, Node, Scalar


@dataclass(frozen=True, slots=True)
class Text:
    """Text. ``words`` lists all that is allowed; else ``pattern`` must match and ``form`` says so in words."""

    about: str = ""
    pattern: str | None = None
    form: str = ""
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    hint: str = ""

    kind = "text"


@dataclass(frozen=True, slots=True)
class Flag:
    about: str = ""

    kind = "true or false"


@dataclass(frozen=True, slots=True)
class Number:
    """A number; ``whole`` for integers only."""

    about: str = ""
    whole: bool = True
    least: int | None = None
    most: int | None = None

    kind = "a number"


@dataclass(frozen=True, slots=True)
class Null:
    """YAML's null, where it means something."""

    about: str = ""

    kind = "null"


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Shape
    about: str = ""
    least: int = 0
    most: int | None = None

    kind = "a list"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping with names of the writer's choice as keys, which ``pattern`` must match (``form`` in words)."""

    item: Shape
    about: str = ""
    pattern: str | None = None
    form: str = ""
    least: int = 0

    kind = "a mapping"


@dataclass(frozen=True, slots=True)
class Key:
    shape: Shape
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with these keys and no others. ``least``: how many of them must stand there, ``most`` how many may."""

    keys: Mapping[str, Key]
    about: str = ""
    name: str = field(default="", compare=False)
    least: int = 0
    most: int | None = None

    kind = "a mapping"


@dataclass(frozen=True, slots=True)
class Either:
    """The first choice whose kind fits (text, list, mapping ..) decides."""

    choices: tuple[Shape, ...]
    about: str = ""

    kind = "one of several kinds"


@dataclass(frozen=True, slots=True)
class Anything:
    about: str = ""

    kind = "anything"


Shape = Text | Flag | Number | Null | ListOf | MapOf | Record | Either | Anything


def check(node: Node, shape: Shape, trail: str, errors: list[LoadError]) -> None:
    """Check a tree against a shape. ``trail`` is how sentences call the node (``products.operations.flights.key``)."""
    if isinstance(shape, Either):
        shape = next((choice for choice in shape.choices if _fits(node, choice)), shape)
    if not _fits(node, shape):
        _misfit(node, shape, trail, errors)
    elif isinstance(node, Items) and isinstance(shape, ListOf):
        _list(node, shape, trail, errors)
    elif isinstance(node, Entries) and isinstance(shape, MapOf):
        _map(node, shape, trail, errors)
    elif isinstance(node, Entries) and isinstance(shape, Record):
        _record(node, shape, trail, errors)
    elif isinstance(node, Scalar) and isinstance(shape, Text):
        _text(node, shape, trail, errors)
    elif isinstance(node, Scalar) and isinstance(shape, Number):
        _number(node, shape, trail, errors)


def _fits(node: Node, shape: Shape) -> bool:
    if isinstance(shape, Anything):
        return True
    if isinstance(node, Entries):
        return isinstance(shape, MapOf | Record)
    if isinstance(node, Items):
        return isinstance(shape, ListOf)
    value = node.value
    if value is None:
        return isinstance(shape, Null)
    if isinstance(value, bool):
        return isinstance(shape, Flag)
    if isinstance(value, int):
        return isinstance(shape, Number)
    if isinstance(value, float):
        return isinstance(shape, Number) and not shape.whole
    return isinstance(shape, Text)


def kinds(shape: Shape) -> str:
    """The kinds a shape takes, in words: ``text or a list``."""
    if not isinstance(shape, Either):
        return "a whole number" if isinstance(shape, Number) and shape.whole else shape.kind
    words = list(dict.fromkeys(kinds(choice) for choice in shape.choices))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def seen(node: Node) -> str:
    """What a node is, in words; a text's own words are not repeated, it may be a secret."""
    if isinstance(node, Entries):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    if node.value is None:
        return "empty"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return "text" if isinstance(node.value, str) else "the number " + node.raw[:40]


def _misfit(node: Node, shape: Shape, trail: str, errors: list[LoadError]) -> None:
    hint = None
    if isinstance(node, Scalar):
        if node.value is None:
            hint = "Give it a value, or remove the line."
        elif isinstance(shape, Text) and shape.examples:
            hint = f"For example: {', '.join(shape.examples)}."
        elif not isinstance(node.value, str) and "text" in kinds(shape):
            hint = "Put it in quotes."
    errors.append(LoadError(node.place, "CH207", f"'{trail}' must be {kinds(shape)}, but is {seen(node)}.", hint))


def _list(node: Items, shape: ListOf, trail: str, errors: list[LoadError]) -> None:
    if len(node.items) < shape.least or (shape.most is not None and len(node.items) > shape.most):
        errors.append(LoadError(node.place, "CH209", f"'{trail}' needs {_count(shape.least, shape.most, 'item')}."))
    for at, item in enumerate(node.items):
        check(item, shape.item, f"{trail}[{at}]", errors)


def _count(least: int, most: int | None, noun: str) -> str:
    if most is None:
        return f"at least {least} {noun}{'s' if least != 1 else ''}"
    return f"exactly {least} {noun}{'s' if least != 1 else ''}" if least == most else f"{least} to {most} {noun}s"


def _map(node: Entries, shape: MapOf, trail: str, errors: list[LoadError]) -> None:
    if len(node.entries) < shape.least:
        errors.append(LoadError(node.place, "CH209", f"'{trail}' needs {_count(shape.least, None, 'entry')}."))
    for name, entry in node.entries.items():
        if shape.pattern is not None and not re.fullmatch(shape.pattern, name):
            errors.append(LoadError(entry.place, "CH209", f"'{clip(name)}' in '{trail}' is not {shape.form}."))
        check(entry.value, shape.item, f"{trail}.{clip(name)}", errors)


def _record(node: Entries, shape: Record, trail: str, errors: list[LoadError]) -> None:
    for name, entry in node.entries.items():
        key = shape.keys.get(name)
        if key is None:
            where = f"in '{trail}'" if trail else "at the top of this file"
            errors.append(LoadError(entry.place, "CH206", f"Unknown key '{clip(name)}' {where}.", _known(name, shape)))
        else:
            check(entry.value, key.shape, f"{trail}.{name}" if trail else name, errors)
    for name, key in shape.keys.items():
        if key.required and name not in node.entries:
            where = f"'{trail}' has no '{name}'" if trail else f"The file has no '{name}'"
            errors.append(LoadError(node.place, "CH208", f"{where}.", _example(name, key.shape)))
    if len(node.entries) < shape.least or (shape.most is not None and len(node.entries) > shape.most):
        words = ", ".join(shape.keys)
        sentence = f"'{trail}' needs {_count(shape.least, shape.most, 'key')} of {words}."
        errors.append(LoadError(node.place, "CH209", sentence))


def _known(name: str, shape: Record) -> str:
    return did_you_mean(name, shape.keys) or f"Known here: {', '.join(shape.keys)}."


def _example(name: str, shape: Shape) -> str | None:
    about = shape.about.split(". ")[0].removesuffix(".")
    return f"Add '{name}:', {kinds(shape)}" + (f": {about[0].lower()}{about[1:]}." if about else ".")


def _text(node: Scalar, shape: Text, trail: str, errors: list[LoadError]) -> None:
    value = str(node.value)
    if shape.words:
        if value not in shape.words:
            sentence = f"'{trail}' may not be '{clip(value)}'."
            allowed = shape.hint or did_you_mean(value, shape.words) or f"Allowed: {', '.join(shape.words)}."
            errors.append(LoadError(node.place, "CH209", sentence, allowed))
    elif shape.pattern is not None and not re.fullmatch(shape.pattern, value):
        hint = shape.hint or (f"For example: {', '.join(shape.examples)}." if shape.examples else None)
        errors.append(LoadError(node.place, "CH209", f"'{trail}' is not {shape.form}: '{clip(value)}'.", hint))


def _number(node: Scalar, shape: Number, trail: str, errors: list[LoadError]) -> None:
    value = node.value
    if not isinstance(value, int | float):
        return
    if not (shape.least is None or value >= shape.least) or not (shape.most is None or value <= shape.most):
        bounds = f"at least {shape.least}" if shape.most is None else f"between {shape.least} and {shape.most}"
        if shape.least == shape.most:
            bounds = str(shape.least)
        errors.append(LoadError(node.place, "CH209", f"'{trail}' must be {bounds}, not {node.raw[:40]}."))


def clip(text: str) -> str:
    """A name for use in a sentence: one line, 60 characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


def unknown(
    place: Place,
    what: str,
    name: str,
    known: Sequence[str] | Mapping[str, object],
    where: str = "",
    hint: str | None = None,
) -> LoadError:
    """CH210: ``name`` is written where the name of a ``what`` belongs, and there is none of that name ``where``."""
    if hint is None and 0 < len(known) <= 8:
        hint = f"There are: {', '.join(known)}."
    return LoadError(place, "CH210", f"There is no {what} '{clip(name)}'{where}.", did_you_mean(name, known) or hint)
