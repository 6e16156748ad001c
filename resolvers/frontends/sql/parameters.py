"""Parameters: values that the caller sends beside the text, as binds.

``$1`` and ``?`` take from a list by position, ``:name`` and ``@name`` from an object by name. A value's type is that of
what it is compared with, else its own: JSON's booleans, numbers and strings, or ``{"type": "date", "value": ".."}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from resolvers.natural import natural
from schema.errors import Refusal
from schema.query import Slot
from schema.sql.forms import LISTED
from schema.trees import preorder
from schema.types import BIGINT, BOOLEAN, FLOAT, STRING, Type, parse_type

Given = Sequence[object] | Mapping[str, object]
MOST = 1_000
MOST_ITEMS = 10_000
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.In)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value. ``type`` None: a text whose place decides."""

    name: str
    value: object
    type: Type | None
    many: bool


def read_parameters(given: object) -> dict[str, Parameter]:
    """The parameters of a request by name, a list's as ``1``, ``2`` ... Raises `Refusal` CH162."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        pairs = [(str(name), value) for name, value in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        pairs = [(str(at), value) for at, value in enumerate(given, 1)]
    else:
        raise _wrong("'parameters' is neither a list nor an object.")
    if len(pairs) > MOST:
        raise _wrong(f"There are more than {MOST} parameters.")
    return {name: _parameter(name, value) for name, value in pairs}


def _parameter(name: str, value: object) -> Parameter:
    declared: Type | None = None
    if isinstance(value, Mapping):
        if set(value) != {"type", "value"} or not isinstance(value["type"], str):
            raise _wrong(f'Parameter {name} is an object, but not of the form {{"type": .., "value": ..}}.')
        try:
            declared = parse_type(value["type"])
        except ValueError:
            raise _wrong(f"The type of parameter {name} is not known.") from None
        value = value["value"]
    many = isinstance(value, list | tuple)
    items = list(value) if isinstance(value, list | tuple) else [value]
    if len(items) > MOST_ITEMS:
        raise _wrong(f"Parameter {name} has more than {MOST_ITEMS} values.")
    type_ = declared or _own(name, items)
    return Parameter(name, value, type_, many)


def _own(name: str, items: list[object]) -> Type | None:
    kinds = {type(item) for item in items if item is not None}
    if kinds <= {str}:
        return None
    if kinds == {bool}:
        return BOOLEAN
    if kinds == {int} and all(-(2**63) <= item < 2**63 for item in items if isinstance(item, int)):
        return BIGINT
    if kinds <= {int, float}:
        return FLOAT
    raise _wrong(f"Parameter {name} is neither a boolean, a number, a string nor a list of one of them.")


def place_binds(tree: exp.Query, given: Mapping[str, Parameter]) -> exp.Query:
    """The tree with every parameter as a placeholder named ``p:<name>``.

    Raises `Refusal` CH162 where one is missing."""
    at = 0
    for node in preorder(tree):
        if isinstance(node, exp.Parameter):
            name = node.this.name
        elif isinstance(node, exp.Placeholder):
            at += not node.this
            name = str(node.this) if node.this else str(at)
        else:
            continue
        if name not in given:
            raise _wrong(f"The statement names parameter {name[:60]}, and no value is given for it.")
        placed = exp.Placeholder(this=f"p:{name}")
        _list_or_one(node, placed, given[name])
    return tree


def _list_or_one(node: exp.Expr, placed: exp.Placeholder, parameter: Parameter) -> None:
    """``x = ANY($1)`` and ``x IN ($1)`` over a list become the one form that every engine has."""
    parent = node.parent
    if not parameter.many:
        node.replace(placed)
        return
    if isinstance(parent, exp.Paren):
        parent = parent.parent
    whole: exp.Expr
    if isinstance(parent, exp.Any) and isinstance(parent.parent, exp.EQ):
        whole = parent.parent
        value = whole.left if whole.right is parent else whole.right
    elif isinstance(parent, exp.In) and len(parent.expressions) == 1:
        whole, value = parent, parent.this
    else:
        raise _wrong(f"Parameter {parameter.name} is a list; lists stand in x = ANY(..) or x IN (..).")
    whole.replace(exp.Anonymous(this=LISTED, expressions=[value.copy(), placed]))


def slots_of(tree: exp.Query, given: Mapping[str, Parameter]) -> dict[str, Slot]:
    """The slots of a resolved tree's placeholders. Raises `Refusal` CH162 where a value is not of its type."""
    found: dict[str, Slot] = {}
    for node in preorder(tree):
        if isinstance(node, exp.Placeholder):
            parameter = given[node.name.removeprefix("p:")]
            type_ = parameter.type or _compared_with(node) or STRING
            slot = Slot(node.name, type_, "variable", many=parameter.many, path=(parameter.name,))
            if found.setdefault(node.name, slot).type != type_:
                raise _wrong(f"Parameter {parameter.name} is compared with values of different types.")
    return found


def values_of(slots: Mapping[str, Slot], given: Mapping[str, Parameter]) -> dict[str, object]:
    """The values by parameter, as Python has them. Raises `Refusal` CH162."""
    found: dict[str, object] = {}
    for slot in slots.values():
        if slot.origin != "variable":
            continue
        parameter = given[str(slot.path[0])]
        try:
            if isinstance(parameter.value, list | tuple):
                found[parameter.name] = [natural(item, slot.type) for item in parameter.value]
            else:
                found[parameter.name] = natural(parameter.value, slot.type)
        except (ValueError, ArithmeticError):
            raise _wrong(f"Parameter {parameter.name} is no {slot.type}.") from None
    return found


def _compared_with(node: exp.Expr) -> Type | None:
    """The logical type of the column that a placeholder is compared with."""
    parent = node.parent
    if isinstance(parent, exp.Anonymous):
        sides = parent.expressions
    elif isinstance(parent, _COMPARED):
        sides = list(parent.iter_expressions())
    else:
        return None
    for side in sides:
        found = side.meta.get("logical")
        if side is not node and isinstance(found, Type):
            return found
    return None


def _wrong(sentence: str) -> Refusal:
    return Refusal("CH162", sentence, "docs/sql.md shows how parameters are sent.")
