"""The way to AWS: whose credentials sign a request, what reaches STS, what an error becomes.

STS is moto's where its acceptance matters, and a stand-in where the credentials must tell which tags they were given
for. Neither checks a signature: that AWS takes them is botocore's promise, whose signing is used as it is.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import botocore.session
import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.aws import Aws
from resolvers.backends.keyed.aws_sessions import Role, Sessions, Settings, Tags
from resolvers.backends.keyed.keyed import Call
from schema.catalog import Place, Source
from schema.errors import Refusal
from tests.keyed.conformance import CANARY
from tests.keyed.moto import REGION, Moto
from tests.keyed.stand import Request, Stand
from tests.keyed.tls import Certificate
from tests.keyed.wire import Wire

ROLE = "arn:aws:iam::123456789012:role/features"
pytestmark = pytest.mark.usefixtures("aws_environment")


def source(location: str | None = REGION, session: dict[str, str] | None = None, **options: object) -> Source:
    return Source("cloud", "dynamodb", "", Place("t"), location=location, options=options, session=session or {})


async def ask(aws: Aws, tags: Tags = (), seconds: float = 20.0) -> object:
    answer = await aws.call("dynamodb", "list_tables", {"Limit": 1}, Call(Deadline.after(seconds), tags))
    return answer["TableNames"]


def tables(_: Request) -> tuple[int, object]:
    return 200, {"TableNames": ["t"]}


class Sts:
    """A stand-in for STS. The key id that it gives is made of the tags that it was given, in hexadecimal."""

    def __init__(self) -> None:
        self.seconds, self.answered = 3600.0, 0
        self.refuse = ""
        self.now = datetime.now(UTC)

    def __call__(self, request: Request) -> tuple[int, object]:
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        assert (form["Action"], form["RoleArn"]) == ("AssumeRole", ROLE)
        if self.refuse:
            error = f"<Error><Type>Sender</Type><Code>{self.refuse}</Code><Message>not {given(form)}</Message></Error>"
            return 403, f"<ErrorResponse>{error}</ErrorResponse>".encode()
        self.answered += 1
        key = "ASIA" + repr(given(form)).encode().hex()
        expires = (self.now + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s{self.answered}</SecretAccessKey>"
            f"<SessionToken>token-{self.answered}</SessionToken><Expiration>{expires}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()


def given(form: dict[str, str]) -> Tags:
    """The tags of an AssumeRole request, in the order of the request."""
    found = []
    while (name := form.get(f"Tags.member.{len(found) + 1}.Key")) is not None:
        found.append((name, form[f"Tags.member.{len(found) + 1}.Value"]))
    return tuple(found)


def signed_for(request: Request) -> str:
    """Whose credentials a request is signed with: the tags, as the stand-in for STS saw them."""
    found = re.search(r"Credential=ASIA([0-9a-f]+)/", request.headers["Authorization"])
    assert found is not None
    return bytes.fromhex(found[1]).decode()


@pytest.fixture
def sts() -> Iterator[Sts]:
    yield Sts()


async def test_what_reaches_sts(moto: Moto) -> None:
    """Three calls of two callers: two sessions, each with its caller's tags and no other's; real answers follow."""
    wire = Wire("127.0.0.1", moto.port)
    await wire.mend()
    at = f"http://127.0.0.1:{wire.port}"
    moto.client("dynamodb").create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    aws = Aws(source(role_arn=ROLE, sts_endpoint=at, session_seconds=900, external_id="x-1"), at)
    first: Tags = (("carrier", "UA"), ("region", "eu west/1"))
    second: Tags = (("carrier", "DL"),)
    for tags in (first, second, first):
        assert await ask(aws, tags) == ["t"]
    await aws.close()
    await wire.cut()
    bodies = re.findall(rb"Action=AssumeRole[^\r\n ]*?(?=POST|$)", bytes(wire.sent))
    forms = [
        {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()} for body in bodies
    ]
    assert [given(form) for form in forms] == [first, second]
    assert {(form["DurationSeconds"], form["ExternalId"], form["RoleSessionName"]) for form in forms} == {
        ("900", "x-1", "customhouse")
    }
    keys = re.findall(rb"Credential=(\w+)/\d+/eu-west-1/dynamodb/", bytes(wire.sent))
    assert keys[0] == keys[2] != keys[1]


TAGS: list[Tags] = [
    (("a", "1"), ("b", "2")),
    (("a", "1"), ("b", "2 ")),
    (("a", "1"),),
    (("a", "1,b=2"),),
    (("a", "1"), ("b", "2"), ("c", "")),
    (("b", "2"),),
    (("A", "1"), ("b", "2")),
    (),
]
"""Callers that a careless key (joined, trimmed, or in lower case) would take for one another."""


@pytest.mark.parametrize("kept", [1, 3, 64])
async def test_nobody_is_served_by_anothers_session(sts: Sts, kept: int) -> None:
    """Hundreds of calls at once, with more callers than sessions are kept for; the service sees each call signed with
    credentials that STS gave for the tags of that call."""
    seen: dict[str, set[str]] = {}

    def note(request: Request) -> tuple[int, object]:
        start = re.search(rb'"ExclusiveStartTableName": "(\w+)"', request.body)
        assert start is not None
        seen.setdefault(start[1].decode(), set()).add(signed_for(request))
        return 200, {"TableNames": []}

    with Stand(sts) as there, Stand(note) as service:
        aws = Aws(source(role_arn=ROLE, sts_endpoint=there.url, sessions=kept), service.url)

        async def one(at: int) -> None:
            arguments = {"ExclusiveStartTableName": f"caller{at}"}
            await aws.call("dynamodb", "list_tables", arguments, Call(Deadline.after(60), TAGS[at]))

        order = [at for at in range(len(TAGS)) for _ in range(25)]
        random.Random(7).shuffle(order)
        await asyncio.gather(*(one(at) for at in order))
        assert aws._sessions.count() <= kept
        await aws.close()
    assert seen == {f"caller{at}": {repr(tags)} for at, tags in enumerate(TAGS)}
    if kept > len(TAGS):
        assert sts.answered == len(TAGS)


def settings(endpoint: str, sts_endpoint: str, seconds: int = 3600) -> Settings:
    return Settings(REGION, endpoint, sts_endpoint, Role(ROLE, None, "customhouse", seconds), 4, 4)


@pytest.mark.parametrize(("seconds", "after"), [(3600, 3600 - 600), (900, 900 - 150)])
def test_credentials_are_fetched_again_before_they_expire(sts: Sts, seconds: int, after: int) -> None:
    """``after`` is within the time in which every request waits for new ones."""
    sts.seconds = seconds
    clock = [sts.now]
    with Stand(sts) as there, Stand(tables) as service:
        sessions = Sessions(settings(service.url, there.url, seconds), lambda: clock[0])
        client = sessions.client("dynamodb", (("a", "1"),))
        getattr(client, "list_tables")()  # noqa: B009
        clock[0] += timedelta(seconds=seconds // 2)
        getattr(client, "list_tables")()  # noqa: B009
        assert sts.answered == 1
        clock[0] = sts.now + timedelta(seconds=after + 1)
        sts.now = clock[0]
        getattr(client, "list_tables")()  # noqa: B009
        assert sts.answered == 2
        sessions.close()
    tokens = [request.headers["X-Amz-Security-Token"] for request in service.requests]
    assert tokens == ["token-1", "token-1", "token-2"]
    assert {signed_for(request) for request in service.requests} == {repr((("a", "1"),))}


def test_a_client_is_made_once(sts: Sts) -> None:
    with Stand(sts) as there, Stand(tables) as service, ThreadPoolExecutor(8) as threads:
        sessions = Sessions(settings(service.url, there.url))
        barrier = threading.Barrier(8)

        def made(_: int) -> object:
            barrier.wait()
            return sessions.client("dynamodb", (("a", "1"),))

        clients = set(threads.map(made, range(8)))
        assert len(clients) == 1
        assert sts.answered == 1
        assert sessions.client("dynamodb", (("a", "2"),)) not in clients
        assert sessions.client("sts", (("a", "1"),)) not in clients
        sessions.close()


async def test_sts_refuses_and_then_does_not(sts: Sts, caplog: pytest.LogCaptureFixture) -> None:
    sts.refuse = "AccessDenied"
    with Stand(sts) as there, Stand(tables) as service:
        aws = Aws(source(role_arn=ROLE, sts_endpoint=there.url), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws)
        assert refused.value.code == "CH502"
        assert "AssumeRole answered AccessDenied: not ()" in caplog.text
        with pytest.raises(Refusal) as refused:
            await aws.reach("dynamodb", "list_tables", {})
        assert refused.value.code == "CH501"
        assert service.requests == []
        sts.refuse = ""
        assert await ask(aws) == ["t"]
        await aws.close()


async def test_sts_does_not_answer() -> None:
    wire = Wire("127.0.0.1", 9)
    await wire.mend()
    wire.fail("black hole")
    with Stand(tables) as service:
        aws = Aws(source(role_arn=ROLE, sts_endpoint=f"http://127.0.0.1:{wire.port}"), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws, seconds=0.5)
        assert refused.value.code in ("CH501", "CH503")
        await wire.cut()
        with pytest.raises(Refusal) as refused:
            await ask(aws)
        assert refused.value.code == "CH501"
        await aws.close()
    assert service.requests == []


async def test_tags_without_a_role_are_refused() -> None:
    with pytest.raises(ValueError, match="session tags need option 'role_arn'"):
        Aws(source(session={"carrier": "carrier"}), "")
    with Stand(tables) as service:
        aws = Aws(source(), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws, (("a", "1"),))
        assert refused.value.code == "CH502"
        await aws.close()
    assert service.requests == []


async def test_a_tag_that_sts_cannot_take(sts: Sts, caplog: pytest.LogCaptureFixture) -> None:
    """It goes as it is, never cut or cleaned: two callers could then be one. STS says no, and quotes it."""
    sts.refuse = "ValidationError"
    with Stand(sts) as there, Stand(tables) as service:
        aws = Aws(source(role_arn=ROLE, sts_endpoint=there.url), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws, (("carrier", CANARY + "\n<>"),))
        assert refused.value.code == "CH502"
        await aws.close()
    assert CANARY not in caplog.text


async def test_no_credentials(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    aws = Aws(source(), "http://127.0.0.1:9")
    with pytest.raises(Refusal) as refused:
        await ask(aws)
    assert refused.value.code == "CH502"
    assert "NoCredentialsError" in caplog.text
    with pytest.raises(Refusal) as refused:
        await aws.reach("dynamodb", "list_tables", {})
    assert refused.value.code == "CH501"
    await aws.close()


@pytest.mark.parametrize(
    ("status", "code", "refusal", "told"),
    [
        (400, "ValidationException", "CH502", False),
        (400, "AccessDeniedException", "CH502", True),
        (400, "ResourceNotFoundException", "CH502", True),
        (400, "ThrottlingException", "CH501", False),
        (400, "ProvisionedThroughputExceededException", "CH501", False),
        (503, "ServiceUnavailable", "CH501", False),
        (500, "InternalServerError", "CH502", False),
        (500, f"{CANARY} {CANARY}", "CH502", False),
    ],
)
async def test_what_an_error_becomes(
    status: int, code: str, refusal: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An error's text is told to the log where it speaks of set-up; others quote what was sent."""

    def fail(_: Request) -> tuple[int, object]:
        return status, {"__type": f"com.amazonaws#{code}", "message": "words of the service"}

    with Stand(fail) as service:
        aws = Aws(source(), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws)
        await aws.close()
    assert refused.value.code == refusal
    assert "words of the service" not in refused.value.message + str(refused.value.hint)
    assert ("words of the service" in caplog.text) is told
    assert CANARY not in caplog.text
    assert len(service.requests) == 1, "botocore must not ask again"


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"[1,", b"[]", b"\x00\xff"])
async def test_an_answer_that_cannot_be_read(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with Stand(lambda _: (200, body)) as service:
        aws = Aws(source(), service.url)
        with pytest.raises(Refusal) as refused:
            await ask(aws)
        await aws.close()
    assert refused.value.code == "CH502"
    assert "busy" not in caplog.text


def test_botocore_takes_what_is_no_json_for_an_empty_answer() -> None:
    """Why answers are looked at before botocore reads them: an entity would be taken for missing."""
    with Stand(lambda _: (200, b"<html>busy</html>")) as service:
        plain: Any = botocore.session.get_session().create_client(
            "dynamodb", region_name=REGION, endpoint_url=service.url
        )
        assert set(plain.batch_get_item(RequestItems={"t": {"Keys": [{"a": {"S": "b"}}]}})) == {"ResponseMetadata"}


async def test_tls_and_the_end_of_a_call(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS: the certificates that AWS_CA_BUNDLE names are trusted and no others; a call ends at its deadline."""
    holding = threading.Event()
    holding.set()

    def slow(_: Request) -> tuple[int, object]:
        holding.wait(20)
        return 200, {"TableNames": ["t"]}

    with Stand(slow, certificate.server()) as service:
        wire = Wire("127.0.0.1", service.port)
        await wire.mend()
        url = f"https://localhost:{wire.port}"
        stranger = Aws(source(), url)
        with pytest.raises(Refusal) as refused:
            await ask(stranger)
        assert refused.value.code == "CH501"
        await stranger.close()
        assert service.requests == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.file))
        aws = Aws(source(workers=1), url)
        assert await ask(aws) == ["t"]
        holding.clear()
        with pytest.raises(Refusal) as refused:
            await ask(aws, seconds=0.5)
        assert refused.value.code == "CH503"
        await wire.until(lambda: wire.open == 0)
        holding.set()
        assert await ask(aws) == ["t"]
        await aws.close()
        await wire.cut()


@pytest.mark.parametrize(
    ("made", "url", "says"),
    [
        ({"role_arn": "role"}, "", "'role_arn' is like arn:aws:iam::"),
        ({"external_id": "x"}, "", "'external_id' is for sources with option 'role_arn'"),
        ({"role_arn": ROLE, "session_seconds": 60}, "", "'session_seconds' is a whole number from 900 to 43200"),
        ({"role_arn": ROLE, "session_name": "a b"}, "", "'session_name' is 2 to 64"),
        ({"location": "here"}, "", "location is an AWS region like eu-west-1"),
        ({"endpoint": "http://h:1"}, "http://h:1", "both name an endpoint"),
        ({"endpoint": "file:///x"}, "", "option 'endpoint' is empty, or an endpoint like"),
        ({}, "redis://h", "its URL is empty, or an endpoint like"),
        ({}, "http://u:p@h", "its URL is empty, or an endpoint like"),
        ({"workers": 0}, "", "'workers' is a whole number from 1 to 64"),
        ({"sessions": 0, "role_arn": ROLE}, "", "'sessions' is a whole number from 1 to"),
    ],
)
def test_settings_that_have_no_meaning(made: dict[str, object], url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Aws(source(**made), url)  # type: ignore[arg-type]
