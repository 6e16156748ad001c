"""A Valkey (tests/results/valkey.py) and moto's server for the suite."""

from tests.keyed.moto import aws_environment, moto, moto_server
from tests.keyed.tls import certificate
from tests.results.valkey import server, valkey

__all__ = ["aws_environment", "certificate", "moto", "moto_server", "server", "valkey"]
