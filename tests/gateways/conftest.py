"""What stands behind the gateways that are run, and who vouches for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.issuer import Issuer
from tests.gateways.certificates import Authority
from tests.gateways.house import House, build
from tests.postgres import Server, postgres

__all__ = ["postgres"]


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    issuer = Issuer("rsa-1", "rsa-2")
    issuer.keys.pop()  # rsa-2 signs tokens that nobody knows
    yield build(tmp_path_factory.mktemp("house"), postgres, issuer)
    issuer.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
