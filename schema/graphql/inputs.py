"""The input types of a product: filters, orders, grouping and conditions on groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from schema.catalog import Column
from schema.graphql.definitions import FieldDef, OfColumn, OfPart, OfRelated, TypeDef, ref
from schema.graphql.operators import filter_type
from schema.graphql.scope import SUMMED, Scope
from schema.types import Kind


def where(scope: Scope) -> TypeDef:
    """Conditions on a row: on its columns, through its relationships, and combined."""
    name = scope.name
    fields = {
        "and": FieldDef(ref(f"[{name}Where!]"), OfPart("and"), "All of these hold. An empty list always holds."),
        "or": FieldDef(ref(f"[{name}Where!]"), OfPart("or"), "One of these holds. An empty list never holds."),
        "not": FieldDef(ref(f"{name}Where"), OfPart("not"), "This is false. What is neither true nor false stays out."),
    }
    for column in scope.filterable:
        fields[column.field] = FieldDef(
            ref(filter_type(column.type)), OfColumn(scope.product, column), column.description
        )
    for relationship in scope.relationships:
        target = scope.target(relationship)
        one = relationship.cardinality == "one"
        type_ = f"{target.type_name}Where" if one else f"{target.type_name}ListWhere"
        meaning = OfRelated(relationship, target, "one" if one else "many")
        fields[relationship.field] = FieldDef(ref(type_), meaning, relationship.description)
    return TypeDef(f"{name}Where", "input", fields, "All conditions that are given must hold.")


def list_where(scope: Scope) -> TypeDef:
    says = {
        "some": "At least one related row for which this holds.",
        "none": "No related row for which this holds.",
        "every": "No related row for which this does not hold.",
    }
    fields = {word: FieldDef(ref(f"{scope.name}Where"), OfPart(word), text) for word, text in says.items()}
    return TypeDef(f"{scope.name}ListWhere", "input", fields)


def order_by(scope: Scope) -> TypeDef | None:
    """Orders of rows: by a column, or by a feature or score that a way leads to."""
    orders = _orders(scope, "OrderBy", scope.sortable)
    fields = dict(orders.fields) if orders is not None else {}
    for way in scope.orderable:
        target = scope.target(way)
        text = f"{way.description}. Looks at a bounded number of rows." if way.description else ""
        fields[way.field] = FieldDef(ref(f"{target.type_name}OrderBy"), OfRelated(way, target, "one"), text)
    return TypeDef(f"{scope.name}OrderBy", "input", fields, one_of=True) if fields else None


def entity_key(scope: Scope) -> TypeDef | None:
    """The key of an entity whose features are asked for."""
    if scope.product.features is None or not scope.key:
        return None
    fields = {
        column.field: FieldDef(ref(f"{scope.value_type(column)}!"), OfColumn(scope.product, column), column.description)
        for column in scope.key
    }
    return TypeDef(f"{scope.name}Key", "input", fields, "Which entity.", bulk=True)


def model_input(scope: Scope) -> TypeDef | None:
    """The inputs of one scoring."""
    model = scope.product.model
    if model is None or not scope.key:
        return None
    fields = {}
    for column in scope.key:
        type_ = scope.value_type(column) + ("" if column.name in model.nullable else "!")
        fields[column.field] = FieldDef(ref(type_), OfColumn(scope.product, column), column.description)
    return TypeDef(f"{scope.name}Input", "input", fields, "The inputs of one scoring.", bulk=True)


def number_order_by(scope: Scope) -> TypeDef | None:
    return _orders(scope, "NumberOrderBy", scope.numeric)


def extreme_order_by(scope: Scope) -> TypeDef | None:
    return _orders(scope, "ExtremeOrderBy", scope.extremal)


def key_order_by(scope: Scope) -> TypeDef | None:
    return _orders(scope, "KeyOrderBy", scope.groupable)


def _orders(scope: Scope, suffix: str, columns: Iterable[Column]) -> TypeDef | None:
    fields = {
        column.field: FieldDef(ref("SortOrder"), OfColumn(scope.product, column), column.description)
        for column in columns
    }
    return TypeDef(scope.name + suffix, "input", fields, one_of=True) if fields else None


def column_enum(scope: Scope) -> TypeDef | None:
    """The columns rows can be grouped by."""
    return _columns(scope, "Column", scope.groupable)


def token_column(scope: Scope) -> TypeDef | None:
    """The columns whose tokens can be looked up."""
    return _columns(scope, "TokenColumn", scope.detokenizable)


def _columns(scope: Scope, suffix: str, columns: Iterable[Column]) -> TypeDef | None:
    values = {
        scope.enum_value(column): FieldDef(ref("String"), OfColumn(scope.product, column), column.description)
        for column in columns
    }
    return TypeDef(scope.name + suffix, "enum", values) if values else None


def group_by(scope: Scope) -> TypeDef | None:
    if not scope.groupable:
        return None
    fields = {
        "column": FieldDef(ref(f"{scope.name}Column!"), OfPart("column")),
        "truncate": FieldDef(ref("Truncate"), OfPart("truncate"), "Only for dates and times."),
    }
    return TypeDef(f"{scope.name}GroupBy", "input", fields)


def group_order_by(scope: Scope) -> TypeDef | None:
    if not scope.groupable:
        return None
    name = scope.name
    fields = {
        "count": FieldDef(ref("SortOrder"), OfPart("count")),
        "key": FieldDef(ref(f"{name}KeyOrderBy"), OfPart("key")),
        "countDistinct": FieldDef(ref(f"{name}KeyOrderBy"), OfPart("countDistinct")),
    }
    if scope.numeric:
        for word in ("sum", "avg", "stddev"):
            if word not in scope.without:
                fields[word] = FieldDef(ref(f"{name}NumberOrderBy"), OfPart(word))
    if scope.extremal:
        for word in ("min", "max"):
            fields[word] = FieldDef(ref(f"{name}ExtremeOrderBy"), OfPart(word))
    return TypeDef(f"{name}GroupOrderBy", "input", fields, one_of=True)


def having(scope: Scope) -> TypeDef | None:
    """Conditions on a group's figures."""
    if not scope.groupable:
        return None
    name = scope.name
    fields = {
        "and": FieldDef(ref(f"[{name}Having!]"), OfPart("and")),
        "or": FieldDef(ref(f"[{name}Having!]"), OfPart("or")),
        "not": FieldDef(ref(f"{name}Having"), OfPart("not")),
        "count": FieldDef(ref("LongWhere"), OfPart("count")),
        "countDistinct": FieldDef(ref(f"{name}HavingDistinct"), OfPart("countDistinct")),
    }
    if scope.numeric:
        fields["sum"] = FieldDef(ref(f"{name}HavingSums"), OfPart("sum"))
        for word in ("avg", "stddev"):
            if word not in scope.without:
                fields[word] = FieldDef(ref(f"{name}HavingAverages"), OfPart(word))
    if scope.extremal:
        for word in ("min", "max"):
            fields[word] = FieldDef(ref(f"{name}HavingExtremes"), OfPart(word))
    return TypeDef(f"{name}Having", "input", fields, "All conditions that are given must hold.")


def having_distinct(scope: Scope) -> TypeDef | None:
    return _having(scope, "HavingDistinct", scope.groupable, lambda column: "LongWhere")


def having_sums(scope: Scope) -> TypeDef | None:
    return _having(scope, "HavingSums", scope.numeric, lambda column: f"{SUMMED[column.type.kind]}Where")


def having_averages(scope: Scope) -> TypeDef | None:
    return _having(scope, "HavingAverages", scope.numeric, lambda column: "FloatWhere")


def having_extremes(scope: Scope) -> TypeDef | None:
    return _having(scope, "HavingExtremes", scope.extremal, lambda column: filter_type(column.type))


def _having(scope: Scope, suffix: str, columns: Iterable[Column], type_of: Callable[[Column], str]) -> TypeDef | None:
    fields = {column.field: FieldDef(ref(type_of(column)), OfColumn(scope.product, column)) for column in columns}
    return TypeDef(scope.name + suffix, "input", fields) if fields else None


def truncatable(kind: Kind) -> tuple[str, ...]:
    """The words `Truncate` may use for a kind: nothing below a day for a date."""
    days = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
    if kind is Kind.DATE:
        return days
    return ("SECOND", "MINUTE", "HOUR", *days) if kind in (Kind.DATETIME, Kind.TIMESTAMP) else ()
