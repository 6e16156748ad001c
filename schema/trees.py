"""Trees: walking and copying sqlglot trees in one pass, without recursion.

sqlglot's own ways (`Expr.copy`, `Expr.walk`) do the same and take two to three times as long, which is most of what a
plan miss costs. Nothing here knows what a node means.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlglot import exp

Tree = TypeVar("Tree", bound=exp.Expr)


def preorder(root: exp.Expr) -> list[exp.Expr]:
    """All nodes: each before its children, children in their written order."""
    found: list[exp.Expr] = []
    waiting: list[exp.Expr] = [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for value in reversed(node.args.values()):
            if isinstance(value, exp.Expr):
                waiting.append(value)
            elif type(value) is list:
                waiting.extend(item for item in reversed(value) if isinstance(item, exp.Expr))
    return found


def copied(root: Tree) -> Tree:
    """A copy that shares no node with the tree, marks and comments included. A node that stands in the tree twice is
    copied twice. The root of the copy has no parent."""
    made: list[exp.Expr] = []
    for node in reversed(preorder(root)):
        made.append(_copy(node, made))
    return made[0]  # type: ignore[return-value]


def _copy(node: exp.Expr, made: list[exp.Expr]) -> exp.Expr:
    """A node over the copies of its children, which lie on top of ``made``, the first child's topmost.

    ``__init__`` is passed by: it would look at every argument again, only to say who its parent is.
    """
    kind = node.__class__
    copy = kind.__new__(kind)
    args: dict[str, Any] = {}
    for name, value in node.args.items():
        if isinstance(value, exp.Expr):
            child = args[name] = made.pop()
            child.parent, child.arg_key = copy, name
        elif type(value) is list:
            items = args[name] = []
            for index, item in enumerate(value):
                if isinstance(item, exp.Expr):
                    item = made.pop()
                    item.parent, item.arg_key, item.index = copy, name, index
                items.append(item)
        else:
            args[name] = value
    copy.args = args
    copy.parent = copy.arg_key = copy.index = copy._hash = None
    copy.comments = list(node.comments) if node.comments is not None else None
    copy._type = node._type.copy() if node._type is not None else None
    copy._meta = dict(node._meta) if node._meta is not None else None
    return copy


def key(root: exp.Expr) -> tuple[object, ...]:
    """What two trees share exactly when they are written alike: classes and plain arguments, in order."""
    parts: list[object] = []
    for node in preorder(root):
        parts.append(node.__class__)
        for name, value in node.args.items():
            if isinstance(value, exp.Expr):
                parts.append(name)
            elif type(value) is list:
                parts.append((name, *(None if isinstance(item, exp.Expr) else item for item in value)))
            elif value is not None:
                parts.append((name, value))
    return tuple(parts)
