"""JSON over HTTP, for back ends that are asked so: one pooled client for each source.

1. A call waits for one of the source's connections, sends JSON, and reads JSON, all before the deadline.
2. A connection that stood idle may have been closed by the server meanwhile. A call that finds it so is sent once more
   on another one: what is asked here reads or scores and changes nothing.
3. A call that is cancelled, late, refused or too large closes its connection.

Refusals, through `resolvers.backends.failures`: CH501 for nobody there, a connection that is reset before an answer
begins, a host that is not who it says (TLS), and the statuses 429 and 503; CH502 for any other status than 200 (nor
are redirects followed), an answer that breaks off, is too large, compressed, or no JSON; CH503 at the deadline.

What a server says in an error is never read: model servers quote their inputs. The log has status and kind only.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import aiohttp

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.json_bodies import Unread, loaded
from resolvers.backends.keyed.keyed import Call
from resolvers.backends.places import Places, taken
from resolvers.followed import OUTGOING
from schema.errors import Refusal

_BUSY = frozenset({429, 503})
_CHECK = 5.0


class JsonClient:
    """Asks one server. Connects when first asked; belongs to the event loop that asks first."""

    def __init__(self, name: str, options: HttpOptions) -> None:
        self._name, self._options = name, options
        self._trusted = _trusted(options)
        self._session: aiohttp.ClientSession | None = None
        self._closed, self._calls = False, 0

    async def post(self, path: str, body: bytes, call: Call, headers: Mapping[str, str] | None = None) -> object:
        """What the server answers to a JSON body. ``path`` follows the source's URL; ``headers`` are for this call."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if call.request_id:
            sent["X-Request-Id"] = call.request_id
        sent |= OUTGOING.get()
        return await self._answer("POST", path, body, sent, call.deadline)

    async def get(self, path: str, deadline: Deadline) -> object:
        """The JSON document at a path."""
        return await self._answer("GET", path, None, {}, deadline)

    async def reach(self, path: str) -> None:
        """Raise CH501 unless the server answers at this path, with any status below 500."""
        with self._told():
            async with asyncio.timeout(_CHECK):
                status, _ = await self._again("GET", path, None, {})
        if status >= 500:
            raise down(self._name, Unread(f"it answered HTTP{status}"))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around what reads an answer: CH502 for `Unread`."""
        try:
            yield
        except Unread as error:
            raise failed(self._name, error) from None

    def places(self) -> Places:
        """aiohttp lets those wait that come when all connections are taken."""
        return taken("connections", self._calls, self._options.connections)

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _answer(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> object:
        with self._told(), self.reading():
            async with asyncio.timeout(deadline.left()):
                status, answer = await self._again(method, path, body, headers)
            if status in _BUSY:
                raise down(self._name, Unread(f"it answered HTTP{status}"))
            if status != 200:
                raise Unread(f"it answered HTTP{status}")
            return loaded(answer)

    async def _again(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes | bytearray]:
        """Once more where the connection was an old one, and broke before an answer began."""
        trace = SimpleNamespace(reused=False)
        self._calls += 1
        try:
            return await self._once(method, path, body, headers, trace)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not trace.reused:
                raise
            return await self._once(method, path, body, headers, SimpleNamespace())
        finally:
            self._calls -= 1

    async def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], trace: SimpleNamespace
    ) -> tuple[int, bytes | bytearray]:
        url = self._options.url + path
        response = await self._opened().request(
            method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=trace
        )
        try:
            if response.status != 200:
                return response.status, b""
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Unread("it compressed an answer, which was not asked for")
            return 200, await self._body(response)
        finally:
            response.close()  # back into the pool where the answer has been read to its end, else closed

    async def _body(self, response: aiohttp.ClientResponse) -> bytearray:
        most, held = self._options.max_answer_bytes, bytearray()
        if (response.content_length or 0) > most:
            raise Unread("its answer is larger than max_answer_bytes")
        async for chunk in response.content.iter_any():
            held += chunk
            if len(held) > most:
                raise Unread("its answer is larger than max_answer_bytes")
        return held

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Each way to fail as its refusal. What the client library says may quote the server, so it is not repeated."""
        try:
            yield
        except Refusal:
            raise
        except aiohttp.ConnectionTimeoutError:
            raise down(self._name, Unread("nobody takes the connection")) from None
        except TimeoutError:
            raise timed_out(self._name) from None
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise down(self._name, Unread(_kind(error))) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise failed(self._name, Unread(_kind(error))) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise down(self._name, Unread("it has been closed here"))
        if self._session is None:
            self._session = _session(self._options, self._trusted)
        return self._session


def _trusted(options: HttpOptions) -> ssl.SSLContext | bool:
    """What a host's certificate is verified by: aiohttp's True are the system's."""
    if options.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(options.ca_file))
    except OSError:
        raise ValueError("option 'ca_file' names no file of certificates in PEM") from None


def _session(options: HttpOptions, trusted: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_reused)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=options.connections, keepalive_timeout=options.keep_alive, ssl=trusted, ttl_dns_cache=30
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=options.connect_timeout),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", **options.headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trace_configs=[trace],
    )


async def _reused(_session: object, context: SimpleNamespace, _parameters: object) -> None:
    context.trace_request_ctx.reused = True


def _kind(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    name = errno.errorcode.get(number) if isinstance(number, int) else None
    return type(error).__name__ if name is None else f"{type(error).__name__} {name}"
