"""The least that DuckDB's answers cost: execute, fetch, join to bytes, on as many threads as the gateway has.

    python -m benchmarks.duckdb_loop FILE SECONDS < {"sql": .., "binds": [[..], ..]}

Prints one line of JSON. The process's own CPU is counted, once the database is open and each statement has run.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator

import duckdb

Binds = list[object]


def main(path: str, seconds: float) -> None:
    said = json.load(sys.stdin)
    threads = os.cpu_count() or 1
    database = duckdb.connect(path, read_only=True)
    database.execute(f"SET GLOBAL TimeZone = 'UTC'; SET threads = {threads}; SET memory_limit = '1GB'")
    database.execute("SET GLOBAL disabled_optimizers = 'statistics_propagation'")  # as the gateway's is
    for binds in said["binds"]:
        answer(database, said["sql"], binds)
    questions = itertools.cycle(said["binds"])
    counts = [0] * threads
    began, used = time.perf_counter(), time.process_time()

    def work(number: int) -> None:
        cursor = database.cursor()
        while time.perf_counter() - began < seconds:
            answer(cursor, said["sql"], _next(questions))
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall, used = time.perf_counter() - began, time.process_time() - used
    count = max(sum(counts), 1)
    print(json.dumps({"requests": count, "per_second": count / wall, "cpu_us": used / count * 1e6}))


def answer(cursor: duckdb.DuckDBPyConnection, sql: str, binds: Binds) -> bytes:
    rows = cursor.execute(sql, binds).fetchall()
    return ("[" + ",".join([str(row[0]) if len(row) == 1 else str(row) for row in rows]) + "]").encode()


_drawing = threading.Lock()


def _next(questions: Iterator[Binds]) -> Binds:
    with _drawing:
        return next(questions)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
