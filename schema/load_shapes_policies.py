"""The shapes of policy files, for editors: docs/policies.md has their meaning, `policies.load` reads them."""

from __future__ import annotations

from schema.load_shape import Anything, Either, Flag, Key, ListOf, MapOf, Null, Number, Record, Shape, Text
from schema.load_shapes import PRODUCT, REASON, TAG, may, need

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

_PICK = ListOf(Either((Text('A column, or "*".'), Record({"tag": need(_SELECTED_TAG)}, name="tagged"))), least=0)
_CLEAR = ListOf(
    Either(
        (
            Text('A column, or "*".'),
            Record(
                {"tag": may(_SELECTED_TAG), "column": may(Text()), "mask": may(Text("The name of a mask."))},
                name="cleared",
                least=1,
            ),
        )
    )
)

_WHOLE = Number(least=0)


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


GRANT = Record({**_rule(
    when=_condition("A predicate over claims and request: for whom."),
    rows=_condition("A predicate over the row, claims and request: which rows."),
    columns=may(Record({"allow": may(_PICK), "except": may(_PICK)}, "Which columns. Absent: all.", "grantColumns")),
    clear=may(_CLEAR),
    detokenize=may(_PICK),
    discloses=may(REASON),
), "name": need(Text("Its name in explanations and the audit log."))}, "Gives access.", "grant")  # fmt: skip

DENY = Record(_rule(
    when=_condition("A predicate over claims and request: for whom."),
    rows=_condition("A predicate over the row: which rows."),
    discloses=may(REASON),
), "Takes access away, whatever is granted.", "deny")  # fmt: skip

ROW_FILTER = Record(_rule(
    rows=need(Either((Text(), Flag()), "A predicate over the row that must hold, whatever is granted.")),
    bypass=_condition("A predicate over claims and request: for whom it does not count."),
    discloses=may(REASON),
), "Rows must pass it.", "rowFilter")  # fmt: skip

_GENERALIZE = Record({
    "ip": may(Number(least=0, most=128)), "postcode": may(_WHOLE), "geo": may(_WHOLE),
    "map": may(MapOf(Anything(), "Value: what it becomes.")), "other": may(Anything("What every other value becomes.")),
}, name="generalize", least=1)  # fmt: skip

MASK_KINDS: dict[str, Shape] = {
    "constant": Anything("This value."),
    "partial": Record({"first": may(_WHOLE), "last": may(_WHOLE), "fill": may(Text())}, "Some characters.", "partial"),
    "email": Text("The domain alone.", words=("keep_domain",)),
    "hash": Record({"length": may(Number(least=1, most=64))}, "A keyed hash.", "hash"),
    "token": Record({}, "A keyed token that can be looked up again.", "token"),
    "bucket": Number("The lower bound of its bucket of this width.", whole=False),
    "round": Number("Rounded to this many digits."),
    "date": Text("Cut to the start of this.", words=("year", "quarter", "month", "week", "day")),
    "generalize": _GENERALIZE,
    "regex": Record({"pattern": need(Text()), "replace": need(Text())}, "All matches replaced.", "regex"),
    "sql": Text("An SQL expression over the row, for administrators."),
    "redact": Record({}, "Every letter and digit replaced.", "redact"),
}

MASK = Record(_rule(
    mask=need(Either((
        Null("Null."),
        Text("A mask without arguments.", words=("null", "redact", "default", "token", "hash")),
        Record({kind: may(shape) for kind, shape in MASK_KINDS.items()}, "A mask and its arguments.", "maskKind", 1, 1),
    ), "What the value becomes.")),
    nulls=may(Text("hide: null is masked too, so that nobody sees where a value is missing.", words=("hide", "keep"))),
    reveal_when=_condition("A predicate over the row, claims and request: where it is clear."),
    discloses=may(REASON),
), "Masks columns.", "mask")  # fmt: skip

LOCALIZE = Record(_rule(
    locations=need(ListOf(Text(), "Cloud regions the source and the gateway must be in.", least=1)),
), "Keeps data where it is.", "localize")  # fmt: skip

PRIVACY = Record(_rule(
    min_group=need(Record({
        "key": need(Either((Text(), _COLUMNS), "The columns that tell entities apart.")),
        "k": need(Number("Fewest entities behind a number.", least=2)),
    }, name="minGroup")),
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
