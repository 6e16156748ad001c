"""TLS over a real socket: a host must show a certificate that is trusted and is its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.errors import Refusal
from tests.keyed.tls import issued
from tests.keyed_http.products import RISK, call, opened
from tests.keyed_http.servers import mlflow
from tests.keyed_http.stand_in import standing_in


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    at = tmp_path_factory.mktemp("tls")
    for name, address in (("here", "127.0.0.1"), ("there", "127.0.0.2")):
        (at / f"{name}.pem").write_bytes(b"".join(issued(address)))
    yield at


def context(pem: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(pem)
    return made


async def test_a_certificate_that_is_trusted(pems: Path) -> None:
    async with standing_in(mlflow, context(pems / "here.pem")) as server:
        backend = opened("mlflow", server.url, ca_file=str(pems / "here.pem"))
        rows = await backend.find(RISK, [(4.0, "UA", 2)], ("label",), call())
        assert rows == [{"probability": 0.001, "label": "UA/2"}]
        await backend.close()


@pytest.mark.parametrize(("shown", "trusted"), [("here", None), ("here", "there"), ("there", "there")])
async def test_any_other(pems: Path, shown: str, trusted: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown to the system; unknown to the file; known, but another host's."""
    options = {} if trusted is None else {"ca_file": str(pems / f"{trusted}.pem")}
    async with standing_in(mlflow, context(pems / f"{shown}.pem")) as server:
        backend = opened("mlflow", server.url, **options)
        with pytest.raises(Refusal) as caught:
            await backend.find(RISK, [(4.0, "UA", 2)], ("label",), call())
        assert caught.value.code == "CH501"
        assert "ClientConnectorCertificateError" in caplog.text
        assert not server.requests
        await backend.close()
