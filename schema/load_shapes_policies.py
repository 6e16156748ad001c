"""The shapes of policy files, for editors: docs/policies.md has their meaning, `policies.load` reads them."""

from __future__ import annotations

from schema.load_shape import Anything, Either, Flag, Key, ListOf, MapOf, Null, Number, Record, Shape, Text
from schema.load_shapes_words import PRODUCT, TAG, may, need, reason

_PRODUCTS = Text("", rf"\*|[a-z][a-z0-9_]*\.\*|{PRODUCT}", "a product id, 'domain.*' or '*'")
_COLUMNS = ListOf(Text(), "Column names.", least=1)
_SELECTED_TAG = Text("A tag, or pii.* for all below it.", rf"{TAG}(\.\*)?", "a tag, or a prefix ending in .*")

SELECTOR = Record({
    "products": may(ListOf(_PRODUCTS, "Product ids; operations.* and * stand for many.", least=1)),
    "domain": may(Text("The name of a domain.")),
    "tag": may(_SELECTED_TAG),
    "column": may(Text("One column, domain.product.column.", rf"{PRODUCT}\.[a-z][a-z0-9_]*", "domain.product.column")),
    "zone": may(Text("The name of a zone.")),
    "columns": may(_COLUMNS),
}, "What the rule is about; all that is given must hold.", "selector", least=1)  # fmt: skip

_CLEARED = Record(
    {
        "tag": may(_SELECTED_TAG),
        "column": may(Text("The name of a column.")),
        "mask": may(Text("The name of a mask.")),
    },
    name="cleared",
    least=1,
)
_DISCLOSES = may(reason("It tells something of a column that is masked for some, and why that is right."))


def _pick(about: str) -> Key:
    return may(ListOf(Either((Text('A column, or "*".'), Record({"tag": need(_SELECTED_TAG)}, name="tagged"))), about))


def _count(about: str) -> Key:
    return may(Number(about, least=0))


def _rule(**keys: Key) -> dict[str, Key]:
    """What every rule may have, and its own keys."""
    return {
        "name": may(Text("Its name in explanations and the audit log.")),
        "description": may(Text("Why it is there.")),
        "on": need(SELECTOR),
        **keys,
    }


def _condition(about: str) -> Key:
    return may(Either((Text(), Flag()), about))


_GRANTED = Record(
    {"allow": _pick("These; absent: all."), "except": _pick("But not these.")},
    "Which columns. Absent: all.",
    "grantColumns",
)
GRANT = Record({**_rule(
    when=_condition("A predicate over claims and request: for whom."),
    rows=_condition("A predicate over the row, claims and request: which rows."),
    columns=may(_GRANTED),
    clear=may(ListOf(Either((Text('A column, or "*".'), _CLEARED)), "Masks that this grant lifts.")),
    detokenize=_pick("Columns whose tokens it may look up."),
    discloses=_DISCLOSES,
), "name": need(Text("Its name in explanations and the audit log."))}, "Gives access.", "grant")  # fmt: skip

DENY = Record(_rule(
    when=_condition("A predicate over claims and request: for whom."),
    rows=_condition("A predicate over the row: which rows."),
    discloses=_DISCLOSES,
), "Takes access away, whatever is granted.", "deny")  # fmt: skip

ROW_FILTER = Record(_rule(
    rows=need(Either((Text(), Flag()), "A predicate over the row that must hold, whatever is granted.")),
    bypass=_condition("A predicate over claims and request: for whom it does not count."),
    discloses=_DISCLOSES,
), "Rows must pass it.", "rowFilter")  # fmt: skip

_GENERALIZE = Record({
    "ip": may(Number("Bits of the address that stay.", least=0, most=128)),
    "postcode": _count("Characters that stay."),
    "geo": _count("Digits of a degree that stay."),
    "map": may(MapOf(Anything(), "Value: what it becomes.")), "other": may(Anything("What every other value becomes.")),
}, "Something wider.", "generalize", least=1)  # fmt: skip

MASK_KINDS: dict[str, Shape] = {
    "constant": Anything("This value."),
    "partial": Record({
        "first": _count("Characters shown at the start."), "last": _count("Characters shown at the end."),
        "fill": may(Text("What stands for each of the others.")),
    }, "Some characters.", "partial"),
    "email": Text("The domain alone.", words=("keep_domain",)),
    "hash": Record({"length": may(Number("Hexadecimal digits.", least=1, most=64))}, "A keyed hash.", "hash"),
    "token": Record({}, "A keyed token that can be looked up again.", "token"),
    "bucket": Number("The lower bound of its bucket of this width.", whole=False),
    "round": Number("Rounded to this many digits."),
    "date": Text("Cut to the start of this.", words=("year", "quarter", "month", "week", "day")),
    "generalize": _GENERALIZE,
    "regex": Record({
        "pattern": need(Text("What to look for.")), "replace": need(Text("What to put there.")),
    }, "All matches replaced.", "regex"),
    "sql": Text("An SQL expression over the row, for administrators."),
    "redact": Record({}, "Every letter and digit replaced.", "redact"),
    "default": Record({}, "The empty value of the type.", "default"),
}  # fmt: skip

MASK = Record(_rule(
    mask=need(Either((
        Null("Null."),
        Text("A mask without arguments.", words=("null", "redact", "default", "email", "hash", "token")),
        Record({kind: may(shape) for kind, shape in MASK_KINDS.items()}, "A mask and its arguments.", "maskKind", 1, 1),
    ), "What the value becomes.")),
    nulls=may(Text("hide: null is masked too, so that nobody sees where a value is missing.", words=("hide", "keep"))),
    reveal_when=_condition("A predicate over the row, claims and request: where it is clear."),
    discloses=_DISCLOSES,
), "Masks columns.", "mask")  # fmt: skip

LOCALIZE = Record(_rule(
    locations=need(ListOf(Text(), "Cloud regions the source and the gateway must be in.", least=1)),
), "Keeps data where it is.", "localize")  # fmt: skip

PRIVACY = Record(_rule(
    min_group=need(Record({
        "key": need(Either((Text(), _COLUMNS), "The columns that tell entities apart.")),
        "k": need(Number("Fewest entities behind a number.", least=2)),
    }, about="How many must stand behind a number.", name="minGroup")),
    aggregate_only=may(Flag("false: rows may be read too. Default true.")),
    unless=_condition("A predicate over claims and request: for whom it does not count."),
), "A minimum group behind every number.", "privacy")  # fmt: skip

TEST = Record({
    "name": may(Text("What it shows.")),
    "as": need(MapOf(Anything(), "Claims of the caller.")),
    "zone": may(Text("Default: the first zone.")),
    "purpose": may(Text("The declared purpose.")),
    "query": need(Text("An SQL query over product ids.")),
    "want": may(ListOf(ListOf(Anything()), "The rows.")),
    "error": may(Text("The code of the refusal.", r"CH[1-6][0-9]{2}", "an error code")),
}, "An in-file test.", "policyTest")  # fmt: skip

POLICIES = Record({
    "grants": may(ListOf(GRANT, "Who sees what. Nothing is seen without a grant.")),
    "denies": may(ListOf(DENY, "What nobody it names sees, whatever is granted.")),
    "row_filters": may(ListOf(ROW_FILTER, "What rows must pass, whatever is granted.")),
    "masks": may(ListOf(MASK, "What values look like to those who may not see them clear.")),
    "localize": may(ListOf(LOCALIZE, "Where data must stay.")),
    "privacy": may(ListOf(PRIVACY, "How many must stand behind a number.")),
    "tests": may(ListOf(TEST, "What must hold, checked by `customhouse policy test`.")),
}, "A policy file.", "policies")  # fmt: skip
