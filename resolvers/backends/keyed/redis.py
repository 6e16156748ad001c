"""Redis and Valkey: one hash for each entity, its fields the features.

1. Each key is spelt as the name of a hash (`resolvers.backends.keyed.names`), by the product's option ``key`` such as
   ``route:{origin}:{dest}``; without it ``<physical name>:{first}:{second}``.
2. One round trip for a call: HMGET of the wanted fields for each hash, and one EXISTS that counts them all, pipelined.
   A hash without any of the fields is not there if the count says so; else, since one of them is there all the same,
   each is asked for in a second round trip.

As of when a row holds is a field like the others. Values are text (`resolvers.backends.keyed.values.from_text`).
Does not promise: one moment for all hashes of a call; a Redis Cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.names import Template, whole_key
from resolvers.backends.keyed.options import known, text, whole
from resolvers.backends.keyed.rows import asked, row
from resolvers.backends.keyed.values import from_text
from resolvers.backends.places import Places, taken
from schema.catalog import Product, Source
from schema.types import Type

_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
_QUERY = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_CONNECT = 3.0
_CHECK = 5.0


class Redis:
    """Options: ``connections`` (calls at once, 8), ``batch`` (keys of a call, 250)."""

    def __init__(self, source: Source, url: str) -> None:
        known(source.options, ("batch", "connections"), "a source of kind redis")
        self.name = source.name
        self._batch = whole(source.options, "batch", 250, 1000)
        self._most, self._calls = whole(source.options, "connections", 8, 256), 0
        self._free = asyncio.Semaphore(self._most)
        made: ConnectionPool = ConnectionPool.from_url(
            _spelt(url), socket_connect_timeout=_CONNECT, socket_timeout=None, retry=Retry(NoBackoff(), 0), protocol=2
        )
        self._made = cast(Callable[[], AbstractConnection], made.make_connection)
        self._idle: list[AbstractConnection] = []
        self._closed = False

    def batch(self, product: Product) -> int:
        return self._batch

    def fit(self, product: Product) -> None:
        _template(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        try:
            spell = _template(product)
            fields = asked(product, columns)
            names = [spell.name(key) for key in keys]
            wanted = [column.physical for column in fields]
            hashes = iter(await self._hashes([name for name in names if name is not None], wanted, call.deadline))
            found = [None if name is None else next(hashes) for name in names]
            return [
                None if values is None else row(product, key, fields, dict(zip(wanted, values, strict=True)), _read)
                for key, values in zip(keys, found, strict=True)
            ]
        except ValueError as error:
            raise failed(self.name, error) from None

    async def check(self) -> None:
        try:
            await self._ask([("PING",)], Deadline.after(_CHECK))
        except (TimeoutError, OSError, exceptions.RedisError) as error:
            raise down(self.name, error) from None

    def places(self) -> list[Places]:
        return [taken("connections", self._calls, self._most, len(self._idle))]

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect()

    async def _hashes(self, names: list[str], fields: list[str], deadline: Deadline) -> list[list[object] | None]:
        """The fields' values of each hash, None for a hash that is not there."""
        if not names:
            return []
        commands: list[tuple[str, ...]] = [("HMGET", name, *fields) for name in names] if fields else []
        with self._told(deadline):
            *said, there = await self._ask([*commands, ("EXISTS", *names)], deadline)
            if not all(isinstance(found, list) and len(found) == len(fields) for found in said):
                await self._drop()  # the connection is out of step: what is left in it must be nobody's answer
                raise ValueError("replies of another shape than was asked for")
            values = cast(list[list[object]], said or [[]] * len(names))
            empty = [at for at, found in enumerate(values) if not any(value is not None for value in found)]
            known: set[int] = set()
            if there != len(names) - len(empty):
                asked_for = await self._ask([("EXISTS", names[at]) for at in empty], deadline)
                known = {at for at, is_there in zip(empty, asked_for, strict=True) if is_there}
        missing = set(empty) - known
        return [None if at in missing else found for at, found in enumerate(values)]

    async def _ask(self, commands: Sequence[tuple[str, ...]], deadline: Deadline) -> list[object]:
        """What the server says to each command, all sent at once. Raises TimeoutError, OSError and what redis-py does.

        A connection that broke while it stood idle is replaced, and the commands are sent again: they read. One whose
        replies have not all been read, for whatever reason, is closed, so that no reply is ever another call's.
        """
        if deadline.left() == 0:
            raise TimeoutError
        self._calls += 1
        try:
            async with asyncio.timeout(deadline.left()), self._free:
                while self._idle and not self._closed:
                    try:
                        return await self._exchange(self._idle.pop(), commands)
                    except (exceptions.ConnectionError, OSError):
                        await self._drop()
                return await self._exchange(self._made(), commands)
        finally:
            self._calls -= 1

    async def _exchange(self, connection: AbstractConnection, commands: Sequence[tuple[str, ...]]) -> list[object]:
        errors: list[exceptions.ResponseError] = []
        said: list[object] = []
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # does nothing where it is connected
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            for _ in commands:
                try:
                    said.append(await connection.read_response())
                except exceptions.ResponseError as error:
                    errors.append(error)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        if self._closed:
            await connection.disconnect(nowait=True)
        else:
            self._idle.append(connection)
        if errors:
            raise errors[0]
        return said

    async def _drop(self) -> None:
        """One has been closed by the other side, so the others most likely have."""
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)

    @contextmanager
    def _told(self, deadline: Deadline) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise (timed_out(self.name) if deadline.left() == 0 else down(self.name, error)) from None
        except (exceptions.BusyLoadingError, exceptions.TimeoutError, OSError) as error:
            raise down(self.name, error) from None
        except exceptions.ConnectionError as error:
            answered = isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError)
            raise (failed if answered else down)(self.name, error) from None
        except exceptions.RedisError as error:
            raise failed(self.name, error) from None


def _template(product: Product) -> Template:
    options = product.features.options if product.features else {}
    known(options, ("key",), "a feature view in redis")
    given = text(options, "key")
    return whole_key(given or ":".join((product.physical[0], *(f"{{{name}}}" for name in product.key))), product)


def _read(value: object, type_: Type) -> object:
    return from_text(value.decode() if isinstance(value, bytes) else str(value), type_)


def _spelt(url: str) -> str:
    """The URL in redis-py's words. What else redis-py would take from a URL's query is this file's to say."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme in _SCHEMES and parts.hostname and (parts.port is None or parts.port)
        query = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        fit, query = None, set()
    if not fit or query - _QUERY or not (parts.path.strip("/") or "0").isdigit():
        raise ValueError(
            "a redis source has a URL like rediss://user:password@host:6379/0, also redis://, valkey:// and valkeys://,"
            f" and after a '?' only {', '.join(sorted(_QUERY))}"
        )
    return parts._replace(scheme=_SCHEMES[parts.scheme]).geturl()
