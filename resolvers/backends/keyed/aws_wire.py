"""botocore's HTTP, made to end: a request has the time that is left to its call, and another thread can break it off.

botocore's own read timeout is for one read of a socket and the same for all calls of a client, so that a server which
sends a byte now and then holds a thread for ever. Here each step of a request gets what is left until the deadline, and
`Threads` (resolvers.backends.threads) can shut the socket of a call that nobody waits for. Signing, proxies and
certificates are botocore's. Connections are shared by all clients of a source, since each request carries its own
signature.

Does not promise: to break off the resolver's look-up of a host name, nor a request to the machine's own credentials
endpoint (botocore asks it with timeouts of one second).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from resolvers.backends.backend import Deadline
from resolvers.backends.threads import Job

CONNECT = 3.0
"""Seconds until a host that does not answer is taken to be down."""
_READ = 60.0
# Without the first, each request waits 40 ms for an acknowledgement.
_SOCKET = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class _Now:
    job: Job
    deadline: Deadline


_thread = threading.local()


@contextmanager
def bounded(job: Job, deadline: Deadline) -> Iterator[None]:
    """What this thread sends meanwhile ends with the job, and at the deadline."""
    _thread.now = _Now(job, deadline)
    try:
        yield
    finally:
        _thread.now = None


class Wire:
    """Sends what clients have signed. ``verify`` is a path of certificates, or True for botocore's."""

    def __init__(self, connections: int, verify: str | bool) -> None:
        self._connections, self._verify = connections, verify
        self._lock = threading.Lock()
        self._hosts: dict[str, URLLib3Session] = {}

    def send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """A handler of botocore's event ``before-send``: its answer stands in for that of the client's own session."""
        return self._session(str(request.url)).send(request)

    def _session(self, url: str) -> URLLib3Session:
        host = urlsplit(url).netloc
        with self._lock:
            found = self._hosts.get(host)
            if found is None:
                found = self._hosts[host] = URLLib3Session(
                    verify=self._verify,  # type: ignore[arg-type]  # a path is taken, too
                    proxies=get_environ_proxies(url),
                    timeout=(CONNECT, _READ),  # type: ignore[arg-type]  # the two of a connection
                    max_pool_connections=self._connections,
                    socket_options=_SOCKET,  # type: ignore[arg-type]  # as urllib3 takes them
                )
                # Read by the session's pools, those of proxies too; there is no argument for it. That calls end is
                # tested (tests/keyed), so a botocore that renames it is noticed.
                found._pool_classes_by_scheme.update(_POOLS)  # type: ignore[attr-defined]
            return found

    def close(self) -> None:
        with self._lock:
            for session in self._hosts.values():
                session.close()


class _Ends:
    """A connection whose steps have the time that the thread's call has, and whose socket the job can shut."""

    sock: socket.socket | None
    timeout: Any

    def connect(self) -> None:
        if (left := _left()) is not None:
            self.timeout = min(CONNECT, left)
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **kwargs: Any) -> Any:
        now: _Now | None = getattr(_thread, "now", None)
        if now is not None:
            now.job.running(self._shut)
            if self.sock is not None:
                self.sock.settimeout(_left())
        return super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        if (left := _left()) is not None:
            self.timeout = left
        return super().getresponse(*args, **kwargs)  # type: ignore[misc]

    def _shut(self) -> None:
        """Called from another thread. Not SSLSocket's own, which would pull its object away under a read."""
        if (held := self.sock) is not None:
            with suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)


def _left() -> float | None:
    now: _Now | None = getattr(_thread, "now", None)
    return None if now is None else max(_LEAST, now.deadline.left())


class _Connection(_Ends, AWSHTTPConnection): ...  # type: ignore[misc]  # botocore's own bases differ


class _SecureConnection(_Ends, AWSHTTPSConnection): ...  # type: ignore[misc]


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
