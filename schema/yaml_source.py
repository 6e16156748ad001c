"""YAML read as a tree in which every value keeps its place.

1. Decode as UTF-8, refuse control characters, files over 32 MB and nesting over 40 levels.
2. Take the parser's events (libyaml where it is there) and build nodes from them: mappings, lists and scalars.
3. Refuse what makes files ambiguous or explosive: anchors, aliases, tags, keys that are no scalars, duplicate keys,
   a second document.

Plain scalars follow the core rules of YAML 1.2, as editors do: ``on``, ``yes`` and ``2013-01-31`` are text. Keys are
always text. An empty file is an empty mapping. Errors are collected (CH202 to CH204); what could be read is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from schema.errors import LoadError, Place

Value = str | int | float | bool | None

MOST_BYTES = 32 * 1024 * 1024
MOST_DEPTH = 40
MOST_DIGITS = 100

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_WORDS: Mapping[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(rf"[-+]?[0-9]{{1,{MOST_DIGITS}}}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. ``raw`` is its text; ``style`` is YAML's quoting character, ``|``, ``>`` or empty; ``lines`` counts
    the lines it spans."""

    place: Place
    value: Value
    raw: str = ""
    style: str = ""
    lines: int = 1

    def within(self, line: int, column: int) -> Place:
        """The place of a position inside the text (both from 1), as near as quoting and folding let it be known."""
        at = self.place
        if self.style == "|":
            return Place(at.file, at.line + line, 1)
        if self.lines == 1 and line == 1:
            return Place(at.file, at.line, at.column + column - 1 + len(self.style))
        return at


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping. The readers below give a default where a key is absent or its value has another kind: what is wrong
    there has been said by `schema.load_shape` already."""

    place: Place
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return None if entry is None else entry.value

    def has(self, key: str) -> bool:
        return key in self.entries

    def at(self, key: str) -> Place:
        """The place of the key's value, or of the mapping where the key is absent."""
        node = self.get(key)
        return self.place if node is None else node.place

    def scalar(self, key: str) -> Scalar | None:
        node = self.get(key)
        return node if isinstance(node, Scalar) else None

    def text(self, key: str) -> str | None:
        node = self.scalar(key)
        return node.value if node is not None and isinstance(node.value, str) else None

    def flag(self, key: str, default: bool) -> bool:
        node = self.scalar(key)
        return node.value if node is not None and isinstance(node.value, bool) else default

    def whole(self, key: str, default: int) -> int:
        node = self.scalar(key)
        return node.value if node is not None and type(node.value) is int else default

    def whole_if_said(self, key: str) -> int | None:
        node = self.scalar(key)
        return node.value if node is not None and type(node.value) is int else None

    def texts(self, key: str) -> tuple[tuple[str, Place], ...]:
        """The text items of a list, each with its place."""
        node = self.get(key)
        if not isinstance(node, Items):
            return ()
        return tuple(texts_of(node))

    def map(self, key: str) -> Entries:
        node = self.get(key)
        return node if isinstance(node, Entries) else Entries(self.place)

    def maps(self) -> Iterator[tuple[str, Place, Entries]]:
        """The entries that are mappings: name, place of the name, mapping."""
        for name, entry in self.entries.items():
            if isinstance(entry.value, Entries):
                yield name, entry.place, entry.value


Node = Scalar | Items | Entries


def texts_of(node: Items) -> Iterator[tuple[str, Place]]:
    for item in node.items:
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item.value, item.place


def plain(node: Node) -> object:
    """The node as plain Python: dict, list, str, int, float, bool, None."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {name: plain(entry.value) for name, entry in node.entries.items()}


def merge(below: Node, above: Node) -> Node:
    """Mappings merge by name, everything else is replaced. Each value keeps the place it was written at."""
    if not isinstance(below, Entries) or not isinstance(above, Entries):
        return above
    entries = dict(below.entries)
    for name, entry in above.entries.items():
        known = entries.get(name)
        entries[name] = entry if known is None else Entry(known.place, merge(known.value, entry.value))
    return Entries(below.place, entries)


def read_yaml(data: bytes, file: str, errors: list[LoadError]) -> Node:
    """Read one document. ``file`` is the name that errors carry. Faults go to ``errors``; gives what could be read."""
    nothing = Entries(Place(file))
    if len(data) > MOST_BYTES:
        errors.append(LoadError(Place(file), "CH202", "The file is larger than 32 MB.", "Split it into several files."))
        return nothing
    text = _decode(data, file, errors)
    if text is None:
        return nothing
    builder = _Builder(file, errors)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if builder.over:
                break
    except yaml.MarkedYAMLError as fault:
        errors.append(_syntax(fault, text, file))
        return nothing
    except (yaml.YAMLError, ValueError, RecursionError):  # a reader fault without a mark, or a number it cannot hold
        errors.append(LoadError(Place(file), "CH202", "The file is not YAML."))
        return nothing
    return builder.root or nothing


def _decode(data: bytes, file: str, errors: list[LoadError]) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = data[: fault.start]
        place = Place(file, before.count(b"\n") + 1, fault.start - before.rfind(b"\n"))
        errors.append(LoadError(place, "CH202", "The file is not UTF-8 text.", "Save it as UTF-8."))
        return None
    if match := _CONTROL.search(text):
        at = match.start()
        place = Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        sentence = f"The control character U+{ord(match[0]):04X} may not stand in a file."
        errors.append(LoadError(place, "CH202", sentence, "Remove it, or write it as an escape in double quotes."))
        return None
    return text


def _syntax(fault: yaml.MarkedYAMLError, text: str, file: str) -> LoadError:
    mark = fault.problem_mark or fault.context_mark
    place = Place(file) if mark is None else Place(file, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: place.column]:
        return LoadError(place, "CH202", "A tab may not indent YAML.", "Indent with spaces.")
    problem = (fault.problem or "it cannot be read").replace("\n", " ")
    hint = "Look at the indentation, colons and quotes of this line and the one before it."
    return LoadError(place, "CH202", f"The file is not YAML here: {problem}.", hint)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. ``key`` is the key that waits for its value."""

    place: Place
    entries: dict[str, Entry] | None
    items: list[Node]
    key: tuple[str, Place] | None = None
    skip: bool = False


class _Builder:
    """Builds the tree from parser events without recursion."""

    def __init__(self, file: str, errors: list[LoadError]) -> None:
        self.file, self.errors = file, errors
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.documents = 0
        self.over = False

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._decorated(event)
            self._value(self._scalar(event))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._decorated(event)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self.stack.append(_Open(self._place(event), {} if mapping else None, []))
            if len(self.stack) > MOST_DEPTH:
                self._refuse(event, "CH202", f"The file is nested deeper than {MOST_DEPTH} levels.")
                self.over = True
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            top = self.stack.pop()
            self._value(Items(top.place, tuple(top.items)) if top.entries is None else Entries(top.place, top.entries))
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, "CH203", f"The alias '*{event.anchor}' may not be used.", "Write the value out here.")
            self._passed_over(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "CH202", "The file holds more than one document.", "Put each in a file of its own.")
                self.over = True

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file) if mark is None else Place(self.file, mark.line + 1, mark.column + 1)

    def _refuse(self, event: yaml.Event, code: str, sentence: str, hint: str | None = None) -> None:
        self.errors.append(LoadError(self._place(event), code, sentence, hint))

    def _decorated(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, "CH203", f"The anchor '&{event.anchor}' may not be used.", "Write each value out.")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, "CH203", f"The YAML tag '{tag}' may not be used.", "Use quotes to make text.")

    def _passed_over(self, event: yaml.Event) -> None:
        """Leave out what is refused, with its key, so that nothing else is said about it."""
        if self.stack and self.stack[-1].entries is not None:
            self.stack[-1].skip = True
            self._value(Scalar(self._place(event), None))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        style = event.style or ""
        lines = event.end_mark.line - event.start_mark.line + 1 if event.end_mark and event.start_mark else 1
        value = resolve(event.value) if style == "" else event.value
        return Scalar(self._place(event), value, event.value, style, lines)

    def _value(self, node: Node) -> None:
        if not self.stack:
            self.root = None if isinstance(node, Scalar) and node.value is None else node
            return
        top = self.stack[-1]
        if top.entries is None:
            top.items.append(node)
        elif top.key is None:
            self._key(top, node)
        else:
            if not top.skip:
                name, place = top.key
                top.entries[name] = Entry(place, node)
            top.key, top.skip = None, False

    def _key(self, top: _Open, node: Node) -> None:
        assert top.entries is not None
        name = key_text(node)
        top.key = (name or "", node.place)
        top.skip = name is None or name in top.entries
        if name is None:
            self.errors.append(LoadError(node.place, "CH203", "A key must be a word, not a list, mapping or nothing."))
        elif name in top.entries:
            first = top.entries[name].place
            sentence = f"The key '{name}' stands here a second time; the first is on line {first.line}."
            self.errors.append(LoadError(node.place, "CH204", sentence, "Remove one of the two."))


def key_text(node: Node) -> str | None:
    """A key as it is written (``on``, ``1``, ``true``); None where it is no scalar, or nothing."""
    return node.raw if isinstance(node, Scalar) and node.value is not None else None


def resolve(text: str) -> Value:
    """What a plain scalar means, by the core rules of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if len(text) <= MOST_DIGITS and _FLOAT.fullmatch(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return float(_SPECIAL[text.lower()])
    return text
