"""Whose credentials an AWS request is signed with: a client for each service and each set of session tags, made once.

1. Without a role, the machine's own credentials, from botocore's chain (environment, profile, container, instance).
2. With a role, credentials of that role, assumed with the call's session tags, so that the cloud's own rules see the
   caller. They are fetched when first needed, and again some time before they expire.

Sessions are known by their tags, as they are: not by a hash, nor joined to a text. So one caller's session never serves
another's tags. Those used longest ago are forgotten; a client costs about 15 ms and 350 kB, a session a call to STS.
Everything here blocks, and runs in the threads of `resolvers.backends.keyed.aws`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import botocore.session
import orjson
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials
from botocore.model import OperationModel

from resolvers.backends.keyed.aws_wire import CONNECT, Wire
from resolvers.backends.keyed.json_bodies import Unread

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Role:
    """``seconds`` is how long its credentials are asked for; AWS allows 900 and more, as the role's settings say."""

    arn: str
    external_id: str | None
    session_name: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one source. ``region`` and endpoints None mean what botocore finds. ``sessions`` is how many are kept."""

    region: str | None
    endpoint: str | None
    sts_endpoint: str | None
    role: Role | None
    sessions: int
    workers: int


@dataclass(slots=True)
class _Held:
    """A session in the making, or made. Its lock keeps two threads from making it twice."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: botocore.session.Session | None = None
    clients: dict[str, BaseClient] = field(default_factory=dict)


class Sessions:
    """Clients of one source."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings, self._now = settings, now
        self._lock = threading.Lock()
        self._held: OrderedDict[Tags, _Held] = OrderedDict()
        self._own = _Held()
        self._wire: Wire | None = None

    def client(self, service: str, tags: Tags) -> BaseClient:
        """Raises ValueError for tags without a role, and what STS and botocore raise."""
        if self._settings.role is None:
            if tags:
                raise ValueError("session tags need a role to be assumed with them")
            return self._made(self._own, service, self._own_session, self._settings.endpoint)
        return self._made(
            self._session(tags), service, lambda: self._assumed(self._settings.role, tags), self._settings.endpoint
        )

    def count(self) -> int:
        """How many sessions of the role are kept."""
        return len(self._held)

    def close(self) -> None:
        with self._lock:
            self._held.clear()
            if self._wire is not None:
                self._wire.close()

    def _session(self, tags: Tags) -> _Held:
        with self._lock:
            held = self._held.get(tags)
            if held is None:
                held = self._held[tags] = _Held()
            self._held.move_to_end(tags)
            while len(self._held) > self._settings.sessions:
                self._held.popitem(last=False)
            return held

    def _made(
        self, held: _Held, service: str, session: Callable[[], botocore.session.Session], endpoint: str | None
    ) -> BaseClient:
        with held.lock:
            found = held.clients.get(service)
            if found is None:
                if held.session is None:
                    held.session = session()
                found = held.clients[service] = self._client(held.session, service, endpoint)
            return found

    def _client(self, session: botocore.session.Session, service: str, endpoint: str | None) -> BaseClient:
        """Retries are the guard's, so botocore makes none of its own. Arguments are made by this code, never by
        callers, so they are not validated: with a hundred keys that would be a tenth of a call."""
        config = Config(
            connect_timeout=CONNECT,
            parameter_validation=False,
            retries={"total_max_attempts": 1, "mode": "standard"},
            user_agent_extra="customhouse",
        )
        name: Any = service
        client: BaseClient = session.create_client(
            name, region_name=self._settings.region, endpoint_url=endpoint, config=config
        )
        send: Any = self._sender(session).send
        client.meta.events.register("before-send", send)
        client.meta.events.register("before-parse", _whole)
        return client

    def _sender(self, session: botocore.session.Session) -> Wire:
        with self._lock:
            if self._wire is None:
                verify = session.get_config_variable("ca_bundle")
                self._wire = Wire(self._settings.workers, verify if isinstance(verify, str) else True)
            return self._wire

    @staticmethod
    def _own_session() -> botocore.session.Session:
        return botocore.session.get_session()

    def _assumed(self, role: Role | None, tags: Tags) -> botocore.session.Session:
        assert role is not None
        sts = self._made(self._own, "sts", self._own_session, self._settings.sts_endpoint)

        def fetch() -> Mapping[str, str]:
            return _assume(sts, role, tags)

        assert self._own.session is not None
        session = botocore.session.Session()
        # The descriptions of services are read once.
        session.register_component("data_loader", self._own.session.get_component("data_loader"))
        session.register_component("credential_provider", CredentialResolver([_Role(fetch, role.seconds, self._now)]))
        return session


def _whole(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: object) -> None:
    """A handler of ``before-parse``: botocore takes a body that is no JSON for an empty answer, and an empty answer
    says that there is no such entity. Raises Unread."""
    protocol = operation_model.service_model.resolved_protocol
    if response_dict["status_code"] >= 300 or operation_model.has_streaming_output or "json" not in protocol:
        return
    try:
        whole = isinstance(orjson.loads(response_dict["body"]), dict)
    except ValueError:
        whole = False
    if not whole:
        raise Unread(f"the answer to {operation_model.name} is no JSON")


def _assume(sts: BaseClient, role: Role, tags: Tags) -> Mapping[str, str]:
    """New credentials, in the words of botocore's metadata."""
    wanted: dict[str, object] = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session_name,
        "DurationSeconds": role.seconds,
    }
    if tags:
        wanted["Tags"] = [{"Key": name, "Value": value} for name, value in tags]
    if role.external_id is not None:
        wanted["ExternalId"] = role.external_id
    given = getattr(sts, "assume_role")(**wanted)["Credentials"]  # noqa: B009 - clients get their methods as they are made
    return {
        "access_key": given["AccessKeyId"],
        "secret_key": given["SecretAccessKey"],
        "token": given["SessionToken"],
        "expiry_time": given["Expiration"].isoformat(),
    }


class _Role(CredentialProvider):
    """The one provider of a role's session: no other credentials can take its place."""

    METHOD = "customhouse-assume-role"

    def __init__(self, fetch: Callable[[], Mapping[str, str]], seconds: int, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._fetch, self._seconds, self._now = fetch, seconds, now

    def load(self) -> RefreshableCredentials:
        given = self._fetch()
        return RefreshableCredentials(
            given["access_key"],
            given["secret_key"],
            given["token"],
            datetime.fromisoformat(given["expiry_time"]),
            self._fetch,
            self.METHOD,
            self._now,
            # botocore's own are 15 and 10 minutes, which is all that the shortest session lives.
            advisory_timeout=min(900, self._seconds // 3),
            mandatory_timeout=min(300, self._seconds // 6),
        )
