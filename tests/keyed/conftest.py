"""A Valkey for the suite (tests/results/valkey.py)."""

from tests.results.valkey import server, valkey

__all__ = ["server", "valkey"]
