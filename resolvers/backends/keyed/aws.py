"""The one way to AWS: calls of botocore's clients (boto3's core) in a bounded pool of threads, with deadlines.

    answer = await aws.call("dynamodb", "batch_get_item", {"RequestItems": ..}, call)

1. A thread takes the client of the service and of the call's session tags (`resolvers.backends.keyed.aws_sessions`).
2. It sends one request; there are no retries here. It ends at the deadline, or when the task is cancelled
   (`resolvers.backends.keyed.aws_wire`).
3. What went wrong becomes a refusal: CH501 for nobody there, and for a service that says it is busy; CH503 at the
   deadline; CH502 for anything else. An error's code goes to the log; its text only where it speaks of set-up
   (permissions, names), since others quote what was sent.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore import exceptions
from botocore.response import StreamingBody

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.aws_sessions import Role, Sessions, Settings
from resolvers.backends.keyed.aws_wire import bounded
from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.keyed.keyed import Call
from resolvers.backends.keyed.options import known, text, whole
from resolvers.backends.places import Places
from resolvers.backends.threads import Job, Stopped, Threads
from schema.catalog import Source
from schema.errors import Refusal

OPTIONS = (
    "batch",
    "endpoint",
    "external_id",
    "role_arn",
    "session_name",
    "session_seconds",
    "sessions",
    "sts_endpoint",
    "workers",
)
"""Options that all AWS kinds share."""
_CHECK = 5.0
_FIRST, _LONGEST = 0.025, 1.0
_LARGEST = 64 * 1024 * 1024
_UNREACHED = (
    exceptions.ConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,
    exceptions.ConnectionClosedError,
    exceptions.ProxyConnectionError,
    exceptions.SSLError,
)
_BUSY = re.compile(
    r"Throttl|ProvisionedThroughputExceeded|RequestLimitExceeded|TooManyRequests|ServiceUnavailable|ModelNotReady"
)
_SET_UP = re.compile(r"AccessDenied|AccessForbidden|ResourceNotFound|NotAuthorized")
_NO_ACCESS = re.compile(
    r"UnrecognizedClient|InvalidClientTokenId|InvalidSignature|ExpiredToken|MissingAuthenticationToken"
)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[\w./-]*)?")


class Said(Exception):
    """What a service said, as far as the log may have it."""


class Aws:
    """AWS as one source has it: region, endpoint, role. Connects to nothing before the first call."""

    def __init__(self, source: Source, url: str) -> None:
        self.name = source.name
        settings = _settings(source, url)
        self._sessions = Sessions(settings)
        self._threads = Threads(source.name, settings.workers)

    async def call(
        self, service: str, operation: str, arguments: Mapping[str, object], call: Call
    ) -> Mapping[str, Any]:
        """What a service answers; a streamed body comes as bytes. Raises Refusal CH501, CH502, CH503."""
        deadline = call.deadline
        try:
            return await self._run(service, operation, arguments, call)
        except (TimeoutError, Stopped):
            raise timed_out(self.name) from None
        except exceptions.ClientError as error:
            raise self._answered(error) from None
        except _UNREACHED as error:
            raise (timed_out(self.name) if deadline.left() == 0 else down(self.name, _kind(error))) from None
        except Exception as error:  # noqa: BLE001 - botocore's parsers raise what Python does; all of it is the source's
            raise (timed_out(self.name) if deadline.left() == 0 else failed(self.name, _kind(error))) from None

    async def pause(self, attempt: int, deadline: Deadline) -> None:
        """Wait before what a service left undone is asked again. Raises Refusal CH503 where that would be too late."""
        seconds = min(_LONGEST, _FIRST * 2**attempt) * random.uniform(0.5, 1.0)
        if seconds >= deadline.left():
            raise timed_out(self.name, Said("a service left a part undone until the deadline"))
        await asyncio.sleep(seconds)

    async def reach(self, service: str, operation: str, arguments: Mapping[str, object]) -> None:
        """Raise CH501 unless the service answers, be it that it has no such thing or does not allow it. It must know
        the credentials, though."""
        try:
            await self._run(service, operation, arguments, Call(Deadline.after(_CHECK)))
        except exceptions.ClientError as error:
            if _status(error) >= 500 or error.operation_name == "AssumeRole" or _NO_ACCESS.search(_code(error)):
                raise down(self.name, _said(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it cannot be asked
            raise down(self.name, _kind(error)) from None

    def places(self) -> Places:
        return self._threads.places()

    async def close(self) -> None:
        await self._threads.close()
        self._sessions.close()

    async def _run(
        self, service: str, operation: str, arguments: Mapping[str, object], call: Call
    ) -> Mapping[str, Any]:
        if call.deadline.left() == 0:
            raise TimeoutError

        def work(job: Job) -> Mapping[str, Any]:
            with bounded(job, call.deadline):
                client = self._sessions.client(service, call.session)
                answer: dict[str, Any] = getattr(client, operation)(**arguments)
                return {name: _read(value) for name, value in answer.items()}

        return await self._threads.run(work, call.deadline)

    def _answered(self, error: exceptions.ClientError) -> Refusal:
        busy = _status(error) == 503 or _BUSY.search(_code(error))
        return (down if busy else failed)(self.name, _said(error))


def _read(value: Any) -> Any:
    if not isinstance(value, StreamingBody):
        return value
    data = value.read(_LARGEST + 1)
    value.close()
    if len(data) > _LARGEST:
        raise Said(f"the answer is larger than {_LARGEST // 2**20} MiB")
    return data


def _code(error: exceptions.ClientError) -> str:
    """The service's word for the error: a name, or nothing where it is no name."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[A-Za-z0-9.]{1,80}", code) else ""


def _status(error: exceptions.ClientError) -> int:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def _said(error: exceptions.ClientError) -> Said:
    code = _code(error)
    text_ = str(error.response.get("Error", {}).get("Message", "")) if _SET_UP.search(code) else ""
    return Said(f"{error.operation_name} answered {code or 'an error'}{': ' if text_ else ''}{text_}")


def _kind(error: Exception) -> Exception:
    """What botocore says of its own errors can quote what was sent, or what came: their names alone are told."""
    return error if isinstance(error, Said | Unread) else Said(type(error).__name__)


def _settings(source: Source, url: str) -> Settings:
    options = source.options
    arn = text(options, "role_arn")
    if arn is None and source.session:
        raise ValueError("session tags need option 'role_arn': a role that is assumed with them")
    for name in ("external_id", "session_name", "session_seconds", "sessions", "sts_endpoint"):
        if arn is None and name in options:
            raise ValueError(f"option '{name}' is for sources with option 'role_arn'")
    if arn is not None and not _ROLE.fullmatch(arn):
        raise ValueError("option 'role_arn' is like arn:aws:iam::123456789012:role/name")
    if source.location is not None and not _REGION.fullmatch(source.location):
        raise ValueError("its location is an AWS region like eu-west-1")
    endpoint = _endpoint(text(options, "endpoint"), "option 'endpoint'")
    if url and endpoint:
        raise ValueError("its URL and option 'endpoint' both name an endpoint")
    seconds = whole(options, "session_seconds", 3600, 43_200)
    if seconds < 900:
        raise ValueError("option 'session_seconds' is a whole number from 900 to 43200")
    name = text(options, "session_name") or "customhouse"
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII):
        raise ValueError("option 'session_name' is 2 to 64 letters, digits, and any of _+=,.@-")
    return Settings(
        region=source.location,
        endpoint=endpoint or _endpoint(url or None, "its URL"),
        sts_endpoint=_endpoint(text(options, "sts_endpoint"), "option 'sts_endpoint'"),
        role=None if arn is None else Role(arn, text(options, "external_id"), name, seconds),
        sessions=whole(options, "sessions", 64, 10_000),
        workers=whole(options, "workers", 8, 64),
    )


def _endpoint(url: str | None, what: str) -> str | None:
    if url is not None and not _URL.fullmatch(url):
        raise ValueError(f"{what} is empty, or an endpoint like https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com")
    return url


def options_of(source: Source, own: Iterable[str] = ()) -> None:
    """Raise ValueError for an option that a kind with options of its ``own`` does not know."""
    known(source.options, (*OPTIONS, *own), f"a source of kind {source.kind}")
