"""BigQuery's words for the planner's, as text: the emulator that runs them is not part of this lane."""

from __future__ import annotations

import pytest
from sqlglot import exp, parse_one

from resolvers.backends.bigquery_dialect import BigQueryDialect
from resolvers.backends.binding import values
from schema.types import parse_type
from tests.backends.conformance import cases, slots

DIALECT = BigQueryDialect()


@pytest.mark.parametrize("case", cases("bigquery"), ids=lambda case: f"{case['sql']}-{case['type']}")
def test_text(case: dict[str, object]) -> None:
    value = DIALECT.wire(parse_one(str(case["sql"])), parse_type(str(case["type"])))
    select = exp.select(exp.alias_(value, "v")).from_(exp.table_("t", quoted=True))
    assert DIALECT.render(select, slots(case.get("binds", {}))).text == case["text"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (
            'SELECT CH_WIRE(CH_TRUNCATE(\'month\', "t"."day"), \'date\') AS "c0", COUNT(*) AS "c1" FROM "d"."t" AS "t" '
            'GROUP BY CH_TRUNCATE(\'month\', "t"."day") HAVING COUNT(*) > 1 '
            'ORDER BY CH_TRUNCATE(\'month\', "t"."day") DESC NULLS LAST',
            "SELECT CAST(SAFE_CAST(`t`.`_7egroup_2e0` AS DATE) AS STRING) AS `c0`, COUNT(*) AS `c1` FROM "
            "(SELECT `t`.*, DATE_TRUNC(`t`.`day`, MONTH) AS `_7egroup_2e0` FROM `d`.`t` AS `t`) AS `t` "
            "GROUP BY `t`.`_7egroup_2e0` HAVING COUNT(*) > 1 ORDER BY `t`.`_7egroup_2e0` DESC",
        ),
        (
            'SELECT "t"."a" AS "c0" FROM "d"."t" AS "t" GROUP BY "t"."a"',
            "SELECT `t`.`a` AS `c0` FROM `d`.`t` AS `t` GROUP BY `t`.`a`",
        ),
    ],
)
def test_groups(sql: str, text: str) -> None:
    """BigQuery does not know a grouped expression again inside of another."""
    assert DIALECT.render(parse_one(sql), {}).text == text


def test_a_page() -> None:
    """Limits are parameters, orders say where nulls stand, and a statement is rendered without a change to its tree."""
    made = slots({"after": ["timestamp", "2013-01-01T00:00:00Z"], "first": ["integer", 10]})
    tree = parse_one(
        'SELECT "t"."a" FROM "p"."d"."t" AS "t" WHERE "t"."at" > :after ORDER BY "t"."a" NULLS LAST LIMIT :first'
    )
    before = tree.sql()
    statement = DIALECT.render(tree, made)
    assert statement.text == (
        "SELECT `t`.`a` FROM `p`.`d`.`t` AS `t` WHERE `t`.`at` > @p0 ORDER BY `t`.`a` NULLS LAST LIMIT @p1"
    )
    assert [slot.name for slot in statement.params] == ["after", "first"]
    assert tree.sql() == before


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ('CH_SUM("t"."n") OVER (ORDER BY "t"."a" ASC NULLS LAST)', "(`t`.`a`) IS NULL ASC, `t`.`a` ASC"),
        ('CH_SUM("t"."n") OVER (ORDER BY "t"."a" DESC NULLS FIRST)', "(`t`.`a`) IS NULL DESC, `t`.`a` DESC"),
        ('CH_SUM("t"."n") OVER (ORDER BY "t"."a" DESC NULLS LAST)', "`t`.`a` DESC"),
        ('COUNT(*) OVER (ORDER BY "t"."a" ASC NULLS FIRST)', "`t`.`a` ASC"),
        ('ROW_NUMBER() OVER (ORDER BY "t"."a" ASC NULLS LAST)', "`t`.`a` ASC NULLS LAST"),
    ],
)
def test_orders_of_windows(window: str, text: str) -> None:
    """BigQuery takes NULLS LAST for ASC, and NULLS FIRST for DESC, where it ranks, and not where it aggregates."""
    rendered = DIALECT.render(parse_one(f'SELECT {window} FROM "t" AS "t"'), {}).text
    assert rendered.partition("ORDER BY ")[2].rpartition(") FROM")[0] == text


def test_one_row_more() -> None:
    """A limit is a number or a parameter. The sum is made when the value is known, and the slot is told by it."""
    made = slots({"first": ["bigint", 10]})
    statement = DIALECT.render(parse_one('SELECT "t"."a" FROM "t" AS "t" LIMIT :first + 1 OFFSET :first'), made)
    assert statement.text == "SELECT `t`.`a` FROM `t` AS `t` LIMIT @p1 OFFSET @p0"
    assert values(statement, lambda slot: slot.value) == [10, 11]


def test_arrays_of_arrays_are_no_type_of_it() -> None:
    with pytest.raises(ValueError, match="arrays of arrays"):
        DIALECT.render(exp.select(DIALECT.wire(exp.column("x"), parse_type("array<array<bigint>>"))), {})
