"""Arrays and structs of PostgreSQL in their wire form, whatever holds them: an array, a composite, or JSON.

The engine's own ``to_json`` gives the shape; the leaves that it spells differently from the wire are read back as their
type and spelt again.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import ErrorLevel, exp

from resolvers.backends.spelling import call, cast, compare, is_set, text, when, word
from schema.trees import copied
from schema.types import Kind, Type

Spell = Callable[[exp.Expression, Type], exp.Expression]
_NESTED = {Kind.ARRAY, Kind.STRUCT, Kind.JSON}
_AS_IT_IS = {Kind.BOOLEAN, Kind.INTEGER, Kind.STRING, Kind.JSON}


def converted(json: exp.Expression, type_: Type, spell: Spell, depth: int = 0) -> exp.Expression:
    """The wire form of a JSON value that stands for an array or struct; NULL for NULL."""
    if _plain(type_):
        return when((is_set(json), copied(json)))
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return _array(json, type_.item, spell, depth)
    return _struct(json, type_, spell, depth)


def _plain(type_: Type) -> bool:
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return _plain(type_.item)
    return type_.kind in _AS_IT_IS


def _array(json: exp.Expression, item: Type, spell: Spell, depth: int) -> exp.Expression:
    alias = f"e{depth}"
    element = exp.column("value", table=alias, quoted=True)
    ordered = exp.Order(
        this=_element(element, item, spell, depth),
        expressions=[exp.Ordered(this=exp.column("n", table=alias, quoted=True), nulls_first=False)],
    )
    unnest = "JSON_ARRAY_ELEMENTS" if item.kind in _NESTED else "JSON_ARRAY_ELEMENTS_TEXT"
    source = f'{unnest}({_written(json)}) WITH ORDINALITY AS "{alias}"("value", "n")'
    rows = exp.select(call("COALESCE", call("JSON_AGG", ordered), cast(text("[]"), "JSON"))).from_(word(source))
    return when((_is(json, "array"), rows.subquery()))


def _struct(json: exp.Expression, type_: Type, spell: Spell, depth: int) -> exp.Expression:
    parts: list[exp.Expression] = []
    for name, field in type_.fields:
        reach = "JSON_EXTRACT_PATH" if field.kind in _NESTED else "JSON_EXTRACT_PATH_TEXT"
        parts += [text(name), _element(call(reach, copied(json), text(name)), field, spell, depth)]
    return when((_is(json, "object"), call("JSON_BUILD_OBJECT", *parts)))


def _element(value: exp.Expression, type_: Type, spell: Spell, depth: int) -> exp.Expression:
    """A leaf from its text, or what is nested in it."""
    if type_.kind is Kind.JSON:
        return value
    return converted(value, type_, spell, depth + 1) if type_.kind in _NESTED else spell(value, type_)


def _is(json: exp.Expression, kind: str) -> exp.Expression:
    return compare(exp.EQ, call("JSON_TYPEOF", copied(json)), text(kind))


def _written(expression: exp.Expression) -> str:
    """sqlglot has no node for a function in FROM with an ordinality and two column names."""
    return expression.sql(dialect="postgres", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
