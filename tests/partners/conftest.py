from tests.results.valkey import server, valkey

__all__ = ["server", "valkey"]
