"""Random conditions in the policy language, as a steward could write them, and random claims."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

words = st.sampled_from(["a", "b", "ab", "A", "", "é", "a%", "UA"])
whole = st.integers(-3, 3)
literals = words.map(lambda w: "'" + w + "'")

CLAIMS = st.fixed_dictionaries(
    {
        "roles": st.lists(words, min_size=1, max_size=3),
        "carriers": st.lists(words, min_size=1, max_size=3),
        "levels": st.lists(whole, min_size=1, max_size=3),
        "tenant": words,
        "level": whole,
        "admin": st.booleans(),
        "ratio": st.sampled_from([0.0, 0.1, 0.5, -2.5, 3.0]),
    }
)


@dataclass(frozen=True)
class Table:
    """What a condition may say about a row: text columns, whole-number columns, and ready conditions over others."""

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


NO_ROW = Table()
FLIGHTS = Table(("carrier", "origin"), ("dep_delay",), ("is_open", "day >= '2013-06-01'", "distance > 0.1"))


def texts(table: Table) -> st.SearchStrategy[str]:
    """Text values."""
    plain = [literals, st.just("claims.tenant"), st.just("request.purpose"), st.just("request.zone")]
    plain += [st.just(name) for name in table.texts]
    return st.recursive(
        st.one_of(plain),
        lambda inner: st.one_of(
            inner.map(lambda t: f"LOWER({t})"),
            inner.map(lambda t: f"UPPER({t})"),
            inner.map(lambda t: f"LEFT({t}, 1)"),
            inner.map(lambda t: f"TRIM({t})"),
            inner.map(lambda t: f"SUBSTRING({t}, 2)"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]} || {p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"NULLIF({p[0]}, {p[1]})"),
        ),
        max_leaves=3,
    )


def numbers(table: Table) -> st.SearchStrategy[str]:
    """Whole numbers, small enough to compute with."""
    plain = [st.integers(-4, 4).map(str), st.just("claims.level")]
    plain += [st.just(name) for name in table.numbers]
    sums = st.tuples(st.one_of(plain), st.sampled_from(["+", "-", "*"]), st.one_of(plain)).map(
        lambda p: f"({' '.join(p)})"
    )
    return st.one_of(*plain, sums, texts(table).map(lambda t: f"LENGTH({t})"))


def conditions(table: Table) -> st.SearchStrategy[str]:
    orders = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    equal = st.sampled_from(["=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
    text, number = texts(table), numbers(table)
    leaves = [
        st.tuples(text, orders | equal, text).map(" ".join),
        st.tuples(number, orders | equal, number).map(" ".join),
        st.tuples(number, orders, st.sampled_from(["claims.ratio", "0.5", "1.0"])).map(" ".join),
        st.tuples(text, st.sampled_from(["IN", "NOT IN"]), st.sampled_from(["claims.roles", "claims.carriers"])).map(
            " ".join
        ),
        st.tuples(text, st.sampled_from(["= ANY(claims.roles)", "<> ALL(claims.carriers)"])).map(" ".join),
        st.tuples(number, st.sampled_from(["IN", "NOT IN"]), st.just("claims.levels")).map(" ".join),
        st.tuples(text, st.sampled_from(["IN", "NOT IN"]), st.lists(literals, min_size=1, max_size=3)).map(
            lambda p: f"{p[0]} {p[1]} ({', '.join(p[2])})"
        ),
        st.tuples(
            text,
            st.sampled_from(["LIKE", "NOT LIKE"]),
            st.sampled_from(["'%a%b'", "'%a_%'", "'a%'", "'_'", "'%b'", "'a_%'", "''"]),
        ).map(" ".join),
        st.tuples(number, number, number).map(lambda p: f"{p[0]} BETWEEN {p[1]} AND {p[2]}"),
        text.map(lambda t: f"{t} IS NULL"),
        text.map(lambda t: f"{t} IS NOT NULL"),
        st.sampled_from(["claims.admin", "TRUE", "FALSE", "request.purpose = 'fraud'"]),
    ]
    leaves += [st.sampled_from(table.conditions)] if table.conditions else []
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) AND ({p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) OR ({p[1]})"),
            inner.map(lambda c: f"NOT ({c})"),
            st.tuples(inner, st.sampled_from(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NULL"])).map(
                lambda p: f"({p[0]}) {p[1]}"
            ),
            st.tuples(inner, inner, inner).map(lambda p: f"CASE WHEN {p[0]} THEN {p[1]} ELSE {p[2]} END"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) = ({p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
        ),
        max_leaves=6,
    )
