"""What callers notice of restarts, reloads, new keys, clients that never read, and parts that are gone for a while.

Method: a gateway process over two PostgreSQL servers and an issuer, all real and on this machine
(`resilience_house`); requests fall due 300 times a second and are sent as a load balancer would, from this process
(`resilience_load`). Every row is one run, and the line of its name says what was done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import uvloop

from benchmarks import resilience_changes as changes
from benchmarks import resilience_faults as faults
from benchmarks import resilience_readers as readers
from benchmarks.resilience_house import House, house
from benchmarks.resilience_load import Seen

Run = Callable[[House], str]
Work = Callable[..., Coroutine[Any, Any, tuple[Seen, str]]]
METHODS = {
    "restart": "A new process on another port; when it is ready the old one gets SIGTERM (drain delay 1 s, readiness "
    "is asked every 0.2 s); again and again, 300 requests/s, kept connections, nothing is asked twice. Goal: 0 failed",
    "reload": "A policy file is written anew every second, 300 requests/s. Goal: 0 failed",
    "rotation": "Every 3 s the issuer lists a new key beside the last one and signs with it at once (a new kid leads "
    "to a fetch, at most every 1 s; background refresh every 25 s), 300 requests/s. Goal: 0 failed",
    "readers": "50 clients ask for 20 MB (20,000 rows) and never read; CUSTOMHOUSE_SLOW_READER=22, else the defaults, "
    "by which 4 SQL streams run at once, 12 wait and more are refused (429). Goal: below 150 MiB, and whoever is "
    "answered is dropped. Of long answers 48 MiB are kept (CUSTOMHOUSE_UNREAD_BYTES), more are refused (503)",
    "pause": "SIGSTOP to a PostgreSQL for 10 s, asked 10 times/s, while the other one is asked 300 times/s. Goal: 0 "
    "failed at the other; below 1 s",
    "cache": "Valkey is killed for 4 s, started again, and after 5 s frozen for 3 s, while a product with cache: true "
    "(1 s) is asked 300 times/s; no results in memory. Goal: 0 failed",
    "issuer": "The issuer answers 500, then refuses connections; every request has a token never seen before, of a "
    "known key, 300/s; keys are fetched every 0.05 s in place of 25. Goal: 0 failed",
}


def _asked(at: House, work: Work, **said: object) -> str:
    seen, more = uvloop.run(work(at, **said))
    return f"{seen.said()}; {more}"


def _runs(requests: int) -> Iterator[tuple[str, str, Run]]:
    """Each with its method's name and its own. The issuer's run is the last: it closes the issuer."""
    for name, work in (
        ("restart", changes.rolling_restart),
        ("reload", changes.reload),
        ("rotation", changes.rotation),
    ):
        yield name, name, partial(_asked, work=work, requests=requests)
    for said, body in readers.QUESTIONS.items():
        yield "readers", f"readers: {said}", partial(readers.never_read, body=body)
    for timeout in ("25s", "2s"):
        yield "pause", f"pause, requests may take {timeout}", partial(_asked, work=faults.paused, timeout=timeout)
    yield "cache", "cache", partial(_asked, work=faults.cache_stopped)
    yield "issuer", "issuer", partial(_asked, work=faults.issuer_down)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks resilience", description="What callers notice.")
    parser.add_argument("--only", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--requests", type=int, default=10_000, help="of each change (10000)")
    args = parser.parse_args(arguments)
    for name in args.only:
        print(f"- {name}: {METHODS[name]}.")
    print("\n| | what came of it | took |\n|---|---|--:|", flush=True)
    with house("p256-1") as at:
        for name, said, run in _runs(args.requests):
            if name in args.only:
                began = time.monotonic()
                print(f"| {said} | {run(at)} | {time.monotonic() - began:.0f} s |", flush=True)
    return 0
