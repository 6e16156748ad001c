"""The attack list bites: each check that keeps a statement from what it may not get at is taken out in turn, and some
attack of its class comes through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from policies.sql import form, govern, guards
from resolvers.frontends.sql import parse, resolve, second
from schema.sql import forms
from tests.sql.corpus import attacks
from tests.sql.house import House
from tests.sql.test_attacks import wrong

Patch = pytest.MonkeyPatch


def any_form(patch: Patch) -> None:
    patch.setattr(parse, "check_form", lambda *tree, **resolved: None)
    patch.setattr(form, "check_form", lambda *tree, **resolved: None)


def any_function(patch: Patch) -> None:
    patch.setattr(forms, "named", lambda dialect: _Everything())


def any_type(patch: Patch) -> None:
    patch.setattr(forms, "_TYPES", _Everything())


def any_characters(patch: Patch) -> None:
    patch.setattr(parse, "check_text", lambda text: None)


def one_parser(patch: Patch) -> None:
    patch.setattr(second, "agree", lambda text, tree: None)


def any_column(patch: Patch) -> None:
    patch.setattr(resolve, "_check_columns", lambda scope, known: None)


def no_minimum_group(patch: Patch) -> None:
    patch.setattr(govern, "check_group", lambda *statement: False)


def figures_over_anything(patch: Patch) -> None:
    from policies.sql import group

    patch.setattr(group, "_check", lambda node, product: None)


def unguarded(patch: Patch) -> None:
    patch.setattr(govern, "may_raise", lambda scopes: False)


def not_handed_on(patch: Patch) -> None:
    patch.setattr(guards, "_hand_on", lambda *scope: None)


def no_fence(patch: Patch) -> None:
    patch.setattr(guards, "fence", lambda query: None)
    patch.setattr(govern, "fence", lambda query: None)


class _Everything(frozenset[object]):
    def __contains__(self, item: object) -> bool:
        return True


FAULTS: dict[Callable[[Patch], None], tuple[str, tuple[str, ...]]] = {
    any_form: ("duckdb", ("statements", "table-forms", "casts-and-operators")),
    any_function: ("duckdb", ("session", "files-and-network", "system-catalogs")),
    any_type: ("postgres", ("casts-and-operators",)),
    any_characters: ("duckdb", ("lexical",)),
    one_parser: ("duckdb", ("lexical", "statements", "function-forms", "table-forms")),
    any_column: ("duckdb", ("hidden-columns", "names", "stars-and-rows")),
    no_minimum_group: ("duckdb", ("minimum-group",)),
    figures_over_anything: ("duckdb", ("minimum-group",)),
    unguarded: ("postgres", ("leaky-where", "leaky-places")),
    not_handed_on: ("postgres", ("leaky-where", "leaky-places")),
    no_fence: ("postgres", ("leaky-places", "leaky-where", "behind-the-filter")),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_check_that_is_gone_is_noticed(
    fault: Callable[[Patch], None], tmp_path: Path, monkeypatch: Patch
) -> None:
    fault(monkeypatch)
    kind, classes = FAULTS[fault]
    async with (
        House.open(tmp_path / "one", kind, other=False) as one,
        House.open(tmp_path / "other", kind, other=True) as other,
    ):
        for attack in attacks():
            if attack.kind not in classes:
                continue
            here = await one.ask(attack.sql, attack.persona, attack.dialect)
            there = await other.ask(attack.sql, attack.persona, attack.dialect)
            if wrong(attack, here, there) is not None:
                return
    pytest.fail("no attack came through")
