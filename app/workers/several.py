"""Several: serve by several processes, or with an admin process beside, until told to stop."""

from __future__ import annotations

import socket

import uvloop

from app import log
from app.doors import url_of
from app.loaded import Loaded
from app.metrics.sheet import sheets
from app.settings import StartError
from app.work import Work
from app.workers.admin import serve_admin
from app.workers.child import CannotServe
from app.workers.lifeline import Lifeline
from app.workers.supervise import Body, Supervisor
from app.workers.worker import serve_doors

_GRACE = 10.0  # seconds that a worker may be later than its own bounds on draining


def supervise(work: Work, loaded: Loaded, admin: socket.socket | None) -> None:
    """Raises StartError where the workers cannot start."""
    settings, lifeline, written = work.settings, Lifeline.make(), sheets(work.settings.workers)

    def worker(number: int) -> Body:
        def body(loaded: Loaded) -> None:
            lifeline.let_go()
            log.configure(settings.log_level, worker=number)
            if admin is not None:
                admin.close()
            try:
                others = [sheet for at, sheet in enumerate(written) if at != number]
                uvloop.run(serve_doors(work, loaded, written[number], others, lifeline, number))
            except StartError as error:
                raise CannotServe(str(error)) from None
            finally:
                log.flush()

        return body

    def admins(_: Loaded) -> None:
        lifeline.let_go()
        for post in work.posts:
            post.listener.close()
        if admin is not None:
            serve_admin(admin, written, lifeline)

    patience = settings.drain_delay + settings.shutdown_timeout + _GRACE
    log.event("supervising", workers=settings.workers, admin=None if admin is None else url_of(admin))
    try:
        Supervisor(written, worker, None if admin is None else admins, work.load, loaded, patience).run()
    except CannotServe as reason:
        raise StartError(str(reason)) from None
