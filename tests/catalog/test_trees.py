"""Our own copy and walk of sqlglot trees against sqlglot's, over every governed statement of the goldens."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from schema.trees import copied, key, preorder

GOLDENS = sorted((Path(__file__).parents[1] / "govern" / "golden").glob("*.txt"))
TREES = [
    sqlglot.parse_one(line, dialect="duckdb")
    for golden in GOLDENS
    for line in golden.read_text().splitlines()
    if line.startswith("SELECT ")
]
DEEP = exp.and_(*(exp.EQ(this=exp.column(f"c{n}"), expression=exp.Placeholder(this=f"s{n}")) for n in range(5000)))


def places(tree: exp.Expr) -> list[tuple[object, ...]]:
    """Every node as it stands in its tree: class, place, and whether its parent is the one that holds it."""
    return [
        (type(node), node.arg_key, node.index, node.parent is None, dict(node._meta or {}), node.comments)
        for node in tree.walk(bfs=False)
    ]


def test_there_are_trees() -> None:
    assert len(TREES) > 10


@pytest.mark.parametrize("tree", [*TREES, DEEP], ids=range(len(TREES) + 1))
def test_a_copy_is_what_sqlglot_copies(tree: exp.Expr) -> None:
    for index, node in enumerate(tree.walk()):
        if index % 3 == 0:
            node.meta["governed"] = str(index)
    ours, theirs = copied(tree), tree.copy()
    assert places(ours) == places(theirs)
    assert key(ours) == key(theirs) == key(tree)
    assert not {id(node) for node in ours.walk()} & {id(node) for node in tree.walk()}
    for node in ours.walk():
        for child in node.iter_expressions():
            assert child.parent is node


@pytest.mark.parametrize("tree", [*TREES, DEEP], ids=range(len(TREES) + 1))
def test_preorder_is_sqlglots_depth_first_walk(tree: exp.Expr) -> None:
    assert [id(node) for node in preorder(tree)] == [id(node) for node in tree.walk(bfs=False)]


def test_what_is_done_to_a_copy_stays_there() -> None:
    tree = exp.Subquery(this=exp.select(exp.column("a")).from_("t"))
    tree.meta["governed"] = "x"
    made = copied(tree)
    made.meta["governed"] = "y"
    made.this.expressions[0].set("this", exp.to_identifier("b"))
    assert (tree.meta["governed"], tree.sql()) == ("x", "(SELECT a FROM t)")


def test_a_node_that_stands_twice_is_copied_twice() -> None:
    shared = exp.column("a")
    made = copied(exp.Add(this=shared, expression=shared))
    assert made.left is not made.right


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", '"a"', False),
        ("'1'", "1", False),
        ("COUNT(a)", "COUNT(DISTINCT a)", False),
        ("CONCAT(a, b)", "CONCAT(b, a)", False),
        ("f(a, g(b))", "f(a, g(b))", True),
        ("f(a, g(b))", "f(g(a), b)", False),
        ("f(g(a, b))", "f(g(a), b)", False),
        ("t.a", "u.a", False),
        ("a BETWEEN 1 AND 2", "a BETWEEN 2 AND 1", False),
    ],
)
def test_keys_tell_trees_apart(one: str, other: str, same: bool) -> None:
    assert (key(sqlglot.parse_one(one)) == key(sqlglot.parse_one(other))) is same
