"""Servers in the foreground, for other harnesses and for profilers: `make bench-serve`, `python -m benchmarks peer`."""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import cluster, data
from benchmarks.peers.registry import PEERS
from benchmarks.place import PROJECT, SERVE_PORT, Missing, dsn, run_folder
from benchmarks.processes import Server, gateway
from benchmarks.tokens import bearer, gateway_signer, private


def serve(arguments: list[str]) -> int:
    """Serve ours over TPC-H, after saying which header to send."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks serve", description=serve.__doc__)
    parser.add_argument("--port", type=int, default=SERVE_PORT)
    parser.add_argument("--duckdb", action="store_true", help="over the DuckDB file instead of PostgreSQL")
    args = parser.parse_args(arguments)
    _ready()
    if args.duckdb:
        data.ready_duckdb()
    header = f"Authorization: {bearer(gateway_signer())}"
    path = run_folder() / "authorization"
    with private(path) as file:
        file.write(header + "\n")
    print(f"TPC-H of {dsn()} at http://127.0.0.1:{args.port}/graphql")
    print(f"Send this header, which is in {path} too:\n\n{header}\n")
    return _become(gateway("ours", args.port, PROJECT, "duckdb" if args.duckdb else None))


def peer(arguments: list[str]) -> int:
    """Serve one of the servers that ours is compared with."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks peer", description=peer.__doc__)
    parser.add_argument("name", choices=sorted(PEERS))
    args = parser.parse_args(arguments)
    _ready()
    server = PEERS[args.name].server(PEERS[args.name].port)
    print(f"{args.name} at {server.url}")
    return _become(server)


def stop(arguments: list[str]) -> int:
    """Stop the benchmark's own PostgreSQL."""
    argparse.ArgumentParser(prog="python -m benchmarks stop", description=stop.__doc__).parse_args(arguments)
    cluster.stop()
    return 0


def _ready() -> None:
    if data.ready():
        print("PostgreSQL was started and stays; `python -m benchmarks stop` stops it.")


def _become(server: Server) -> int:
    """Be the server from here on, so that signals and profilers meet it and nothing else."""
    sys.stdout.flush()
    os.chdir(server.folder)
    try:
        os.execvpe(server.command[0], list(server.command), server.environment)
    except OSError as error:
        raise Missing(f"{server.command[0]} cannot be started: {error.strerror}.") from None
