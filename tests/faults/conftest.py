"""The PostgreSQL server and the Valkey of these tests."""

from tests.postgres import postgres
from tests.results.valkey import server, valkey

__all__ = ["postgres", "server", "valkey"]
