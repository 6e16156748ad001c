"""Python's garbage collector, set for a server: it stays out of the way of requests.

A gateway at rest holds some 100,000 objects that live as long as the process: modules, the GraphQL library's tables,
the project. By default the collector walks through them whenever a few hundred more are alive, and an answer of a
thousand rows brings that many, several times (measured: rows cost up to 1.6 times as much CPU). So what is there after
start-up is frozen, out of its sight, and it looks ten times less often; reference counts free nearly everything anyway.
"""

from __future__ import annotations

import atexit
import gc

_THRESHOLDS = (100_000, 20, 100)


def settle() -> None:
    """Once, when the project is loaded and the engine made, just before serving."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.unfreeze)  # so that the interpreter ends as tidily as it would have


def sweep() -> None:
    """After a reload, when the old version has been closed: free it now, since its engine holds itself in cycles.

    A plain collection looks at what is not frozen: the versions since the first, and the caches. It takes about a
    millisecond for a dozen products. Unfreezing first would take 70, for the same memory back; freezing again would
    keep each later version for ever. The first version's cycles stay, which is one version's worth.
    """
    gc.collect()
