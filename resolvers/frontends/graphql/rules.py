"""Rules: graphql-core's validation rules, run by one visitor that knows which of them look at which kind of node.

The rules and what they say are graphql-core's own. Its `ParallelVisitor` asks every rule at every node; here a node is
shown only to the rules that have a method for it, which is a third of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from graphql import BREAK, SKIP, ASTValidationRule, Node, ValidationContext
from graphql.language.visitor import EnterLeaveVisitor
from graphql.validation import MaxIntrospectionDepthRule, OverlappingFieldsCanBeMergedRule, specified_rules

RULES = (*(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule), MaxIntrospectionDepthRule)
"""All of the specification, but for field merging, which `merging` checks in linear time."""

Method = Callable[..., Any]


class Together(ASTValidationRule):
    """All `RULES` as one."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._rules = [rule(context) for rule in RULES]
        self._passed_by: list[Any] = [None] * len(RULES)

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        known = self.enter_leave_map.get(kind)
        if known is None:
            enter, leave = (self._methods(names) for names in _named(kind))
            known = EnterLeaveVisitor(_entering(enter, self._passed_by), self._leaving(kind, leave))
            self.enter_leave_map[kind] = known
        return known

    def _methods(self, names: Sequence[tuple[int, str]]) -> list[tuple[int, Method]]:
        return [(index, getattr(self._rules[index], name)) for index, name in names]

    def _leaving(self, kind: str, methods: list[tuple[int, Method]]) -> Method | None:
        """Leaving a node also ends the passing by of rules that skipped it, whether or not they would look at it."""
        entering = [index for index, _ in _named(kind)[0]]
        if not methods and not entering:
            return None
        passed_by = self._passed_by

        def leave(node: Node, *args: Any) -> None:
            for index, method in methods:
                if passed_by[index] is None:
                    found = method(node, *args)
                    if found is BREAK or found is True:
                        passed_by[index] = BREAK
            for index in entering:
                if passed_by[index] is node:
                    passed_by[index] = None

        return leave


def _entering(methods: list[tuple[int, Method]], passed_by: list[Any]) -> Method | None:
    if not methods:
        return None

    def enter(node: Node, *args: Any) -> None:
        for index, method in methods:
            if passed_by[index] is None:
                found = method(node, *args)
                if found is SKIP or found is False:
                    passed_by[index] = node
                elif found is BREAK or found is True:
                    passed_by[index] = BREAK

    return enter


@cache
def _named(kind: str) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """Which rules have a method on entering and on leaving a kind of node, and its name."""
    return _having("enter", kind), _having("leave", kind)


def _having(way: str, kind: str) -> tuple[tuple[int, str], ...]:
    found = []
    for index, rule in enumerate(RULES):
        name = next((name for name in (f"{way}_{kind}", way) if hasattr(rule, name)), None)
        if name is not None:
            found.append((index, name))
    return tuple(found)
