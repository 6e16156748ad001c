"""Which questions belong to the long lane."""

from __future__ import annotations

import pytest

from tests.leak.engines import ENGINES


@pytest.hookimpl(tryfirst=True)  # before items are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What partners ask is asked of the first engine by `make test`, of all by `make test-all`: rules are the same text
    on each, and the zone within asks all of them."""
    for item in items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if params.get("personas") == "partner" and params.get("engine") in ENGINES[1:]:
            item.add_marker(pytest.mark.slow_parts)
