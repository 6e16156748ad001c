"""Serve: one zone or several, each at its own door, by one process or by several.

1. Load the project; a bad one ends the process with every error said. Keep what the zones that are served need.
2. Refuse to start in a way that would be unsafe: development keys beyond loopback or in production, no master key.
3. Listen. Alone, work here (`app.workers.worker`); with several workers or an admin listener, look after those who do
   (`app.workers.supervise`).
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial

import uvloop

from app import log
from app.apart import apart
from app.doors import Door, listen, refuse_unsafe
from app.keyring import keyring
from app.loaded import read_first
from app.metrics.sheet import sheets
from app.settings import Settings
from app.work import Parts, Post, Work
from app.workers.several import supervise
from app.workers.worker import serve_doors


def serve(settings: Settings, zones: Sequence[str], parts: Parts, environ: Mapping[str, str] = os.environ) -> None:
    """Serve until told to stop. Raises StartError, KeyringError, LoadErrors or OSError before anything is served."""
    loaded, opened = apart(partial(read_first, parts.load, settings, tuple(zones)))
    refuse_unsafe(settings, opened)
    keys = {door.zone: _keys(door, settings, environ) for door in opened}
    log.configure(settings.log_level)
    _bridge_logging()
    with contextlib.ExitStack() as closing:
        closing.callback(log.flush)
        listeners = [closing.enter_context(listen(door.host, door.port)) for door in opened]
        posts = (Post(door, at, keys[door.zone]) for door, at in zip(opened, listeners, strict=True))
        work = Work(settings, parts, tuple(posts))
        if settings.workers == 1 and settings.admin is None:
            uvloop.run(serve_doors(work, loaded, sheets(1)[0]))
        else:
            admin = None if settings.admin is None else closing.enter_context(listen(*settings.admin))
            supervise(work, loaded, admin)


def _keys(door: Door, settings: Settings, environ: Mapping[str, str]) -> Mapping[str, bytes]:
    return keyring(door.zone, environ, settings.project, settings.dev_keys, door.master_key, door.restricted)


class _Bridge(logging.Handler):
    """Puts library log lines into our log. Only our own and uvicorn's texts are kept: a driver's may hold values."""

    _OURS = ("uvicorn", "app", "resolvers", "customhouse")

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, object] = {"logger": record.name, "at": f"{record.module}:{record.lineno}"}
        if record.name.partition(".")[0] in self._OURS:
            said["message"] = record.getMessage()
        log.event("library", "error" if record.levelno >= logging.ERROR else "warning", **said)


def _bridge_logging() -> None:
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)
