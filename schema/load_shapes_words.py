"""Words that the shapes of a project's files share."""

from __future__ import annotations

from schema.load_shape import Either, Key, ListOf, MapOf, Number, Record, Shape, Text
from schema.load_units import DURATION, SIZE
from schema.names import GRAPHQL, LOGICAL

LOCAL = r"[a-z][a-z0-9_-]{0,62}"
TAG = r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*"
PRODUCT = rf"{LOGICAL}\.{LOGICAL}"

NAMED = "a name: lower-case letters, digits and underscores, a letter first"
LOCAL_WORDS = "a name: lower-case letters, digits, - and _, a letter first"
_TAG_WORDS = "a tag: lower-case words joined by dots"


def weight(about: str) -> Number:
    """What something costs."""
    return Number(about, least=0, most=1_000_000)


def need(shape: Shape) -> Key:
    return Key(shape, required=True)


def may(shape: Shape) -> Key:
    return Key(shape)


def named(item: Shape, about: str) -> MapOf:
    return MapOf(item, about, LOGICAL, NAMED)


def duration(about: str) -> Text:
    return Text(about, DURATION, "a duration", examples=("25s", "24h"))


def size(about: str) -> Either:
    return Either((Number(least=1), Text("", SIZE, "a size", examples=("32MiB", "1MB"))), about)


TAGS = ListOf(Text("", TAG, _TAG_WORDS, examples=("pii.email",)), "Classifications that policies select by.")
GRAPHQL_NAME = Text("The GraphQL name, where the camelCase of the name will not do.", GRAPHQL, "a GraphQL name")


def reason(about: str) -> Record:
    """``{reason: ..}``: a decision that opens something, with what whoever reviews it must know."""
    return Record({"reason": need(Text("Why this is right, for whoever reviews it."))}, about, "reason")
