"""Start the emulator: python bqemulator.py PORT GRPC_PORT. Its extension is put where DuckDB looks for it without a
network, in a home of this environment's own."""

import os
import sys
from pathlib import Path

home = Path(sys.prefix) / "home"
home.mkdir(exist_ok=True)
os.environ["HOME"] = str(home)

from duckdb_extensions import import_extension  # noqa: E402 - DuckDB reads HOME when it is imported

import_extension("spatial")
http, grpc = sys.argv[1:]
command = str(Path(sys.prefix) / "bin" / "bqemulator")
os.execv(
    command, [command, "start", "--rest-port", http, "--grpc-port", grpc, "--project", "acme", "--log-level", "error"]
)
