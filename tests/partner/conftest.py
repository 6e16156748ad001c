"""One house for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.partner.house import House, serving


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tmp_path_factory.mktemp("partner") / "project") as made:
        yield made
