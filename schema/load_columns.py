"""Columns of a product, and what its derived columns are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from schema.catalog import Column
from schema.errors import LoadError, Place
from schema.load_shape import clip
from schema.load_sql import expression_inputs
from schema.names import camel
from schema.types import STRING, Kind, Type, parse_type
from schema.yaml_source import Entries, Node, Scalar

_STRUCT_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def read_columns(
    product: str,
    node: Entries,
    tags: frozenset[str],
    errors: list[LoadError],
    *,
    view: bool = False,
    made: bool = False,
) -> dict[str, Column]:
    """Read the columns of a product. ``tags`` are those all columns inherit; ``view``: they are outputs of one;
    ``made``: a model makes them of others."""
    columns = {}
    for name, entry in node.entries.items():
        if isinstance(entry.value, Entries):
            columns[name] = _column(product, name, entry.place, entry.value, tags, errors, view=view, made=made)
        else:
            columns[name] = Column(name, column_type(entry.value, errors), entry.place, camel(name), name, tags=tags)
    _inputs(product, columns, node, errors)
    return columns


def _column(
    product: str,
    name: str,
    place: Place,
    node: Entries,
    tags: frozenset[str],
    errors: list[LoadError],
    *,
    view: bool,
    made: bool,
) -> Column:
    sql, reason = node.text("sql"), node.map("declassify").text("reason")
    if node.has("column") and (sql is not None or view):
        what = "is derived" if sql is not None else "is of a view"
        sentence = f"The column '{product}.{name}' {what}, so it has no other name in the source."
        errors.append(LoadError(node.at("column"), "CH216", sentence, "Remove 'column:'."))
    if made and sql is not None:
        sentence = f"The column '{product}.{name}' is a model's, which computes it itself."
        errors.append(LoadError(node.at("sql"), "CH216", sentence, "Remove 'sql:'."))
    if node.has("declassify") and sql is None and not view and not made:
        sentence = f"The column '{product}.{name}' is not derived, so there is nothing to declassify."
        errors.append(
            LoadError(node.at("declassify"), "CH216", sentence, "Remove 'declassify:', or the tags themselves.")
        )
    return Column(
        name=name,
        type=STRING if node.get("type") is None else column_type(node.get("type"), errors),
        place=place,
        field=node.text("graphql") or camel(name),
        physical=node.text("column") or name,
        description=node.text("description") or "",
        tags=tags | {text for text, _ in node.texts("tags")},
        expression=sql,
        filterable=node.flag("filterable", True),
        sortable=node.flag("sortable", True),
        groupable=node.flag("groupable", True),
        declassify=reason,
        nullable=node.flag("nullable", True),
        cost=node.whole_if_said("cost"),
    )


def column_type(node: Node | None, errors: list[LoadError]) -> Type:
    """Read a type; CH215 where there is none of that spelling."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return STRING
    try:
        if node.value.count("<") > 16:
            raise ValueError("the type is nested too deep")
        found = parse_type(node.value)
        if fault := _fault(found):
            raise ValueError(fault)
    except ValueError as reason:
        hint = "Types: string, integer, bigint, decimal(12,2), float, boolean, date, time, datetime, timestamp, "
        hint += "interval, uuid, json, bytes, array<..>, struct<name: type>."
        errors.append(LoadError(node.place, "CH215", f"The type cannot be read: {clip(str(reason))}.", hint))
        return STRING
    return found


def _fault(type_: Type) -> str | None:
    """What is wrong inside a type that parses."""
    if type_.kind is Kind.DECIMAL and type_.precision is not None and not 0 <= (type_.scale or 0) <= type_.precision:
        return f"the scale of {type_} is larger than its precision"
    if type_.precision == 0:
        return "a decimal has at least one digit"
    names = [name for name, _ in type_.fields]
    if len({camel(name) for name in names}) < len(names):
        return "a struct has two fields of one name"
    if bad := next((name for name in names if not _STRUCT_FIELD.fullmatch(name)), None):
        return f"'{bad}' cannot name a struct field"
    inner = [*([type_.item] if type_.item else []), *(field for _, field in type_.fields)]
    return next((fault for part in inner if (fault := _fault(part))), None)


def _inputs(product: str, columns: dict[str, Column], node: Entries, errors: list[LoadError]) -> None:
    for name, column in list(columns.items()):
        text = node.map(name).scalar("sql")
        if column.expression is not None and text is not None:
            inputs = expression_inputs(text, f"column '{product}.{name}'", columns, errors)
            columns[name] = replace(column, inputs=inputs)
    for circle in cycles({name: column.inputs for name, column in columns.items()}):
        sentence = f"The derived columns of '{product}' go round in a circle: {' -> '.join((*circle, circle[0]))}."
        place = node.map(circle[0]).at("sql")
        errors.append(LoadError(place, "CH221", sentence, "Derive one of them from columns of the source."))


def cycles(edges: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """One circle for every group of names that lead back to themselves, smallest name first."""
    done: set[str] = set()
    found = []
    for start in sorted(edges):
        path: list[str] = []
        at: dict[str, int] = {}
        stack = [(start, iter(sorted(edges[start])))] if start not in done else []
        if stack:
            path, at = [start], {start: 0}
        while stack:
            name, following = stack[-1]
            step = next(following, None)
            if step is None:
                stack.pop()
                path.pop()
                del at[name]
                done.add(name)
            elif step in at:
                circle = path[at[step] :]
                low = circle.index(min(circle))
                found.append(tuple(circle[low:] + circle[:low]))
            elif step not in done and step in edges:
                path.append(step)
                at[step] = len(path) - 1
                stack.append((step, iter(sorted(edges[step]))))
    return list(dict.fromkeys(found))
