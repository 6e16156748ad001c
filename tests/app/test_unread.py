"""How much of long answers a process keeps for readers who do not take them: the account, and a gateway's sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from app.http.beside import Beside
from app.http.exchange import Exchange, Message, Scope
from app.http.trail import Trail
from app.http.unread import Kept, Unread
from app.serving import Switch
from schema.errors import Refusal
from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until
from tests.app.test_serving import address_of, ask, client_of, request_of


class Readers:
    """Readers of an account of 10 bytes, by name; one makes room after 2 seconds."""

    def __init__(self) -> None:
        self.now, self.dropped = 0.0, list[str]()
        self.unread = Unread(10, 2.0, lambda: self.now)
        self.kept: dict[str, Kept] = {}

    def ask(self, name: str, body: bytes) -> bool:
        """Whether it is given its answer."""
        try:
            self.kept[name] = self.unread.keep(body, lambda: self.dropped.append(name))
        except Refusal as refusal:
            assert (refusal.code, refusal.status) == ("CH164", 503)
            return False
        return True


@pytest.fixture
def readers() -> Readers:
    return Readers()


def body(size: int) -> bytes:
    return bytes(bytearray(size))  # never the same object twice


def test_what_fits_is_kept_and_the_next_one_is_refused(readers: Readers) -> None:
    assert readers.ask("a", body(6))
    assert readers.ask("b", body(4))
    assert not readers.ask("c", body(1))
    assert (readers.unread.bytes, readers.dropped) == (10, [])
    readers.unread.release(readers.kept["a"])
    assert readers.ask("c", body(6))
    assert readers.unread.bytes == 10


def test_one_that_is_alone_may_be_longer(readers: Readers) -> None:
    assert readers.ask("a", body(100))
    assert not readers.ask("b", body(1))
    readers.unread.release(readers.kept["a"])
    assert (readers.unread.bytes, readers.ask("b", body(11))) == (0, True)


def test_an_answer_that_several_read_counts_once(readers: Readers) -> None:
    same = body(8)
    assert all(readers.ask(name, same) for name in "abc")
    assert readers.unread.bytes == 8
    for name in "abc":
        readers.unread.release(readers.kept[name])
        readers.unread.release(readers.kept[name])  # whoever was dropped is released again at its end
    assert readers.unread.bytes == 0


def test_who_has_waited_longest_makes_room_and_no_more_than_need_be(readers: Readers) -> None:
    for name in "abc":
        readers.now += 1.0
        assert readers.ask(name, body(3))
    readers.now = 4.0
    assert readers.ask("d", body(4))  # a has waited for 3 s, b for 2
    assert (readers.dropped, readers.kept["a"].lost, readers.kept["b"].lost) == (["a"], True, False)
    assert readers.unread.bytes == 10


def test_who_takes_pieces_makes_no_room(readers: Readers) -> None:
    assert readers.ask("a", body(6))
    assert readers.ask("b", body(4))
    readers.now = 10.0
    readers.kept["a"].took()
    assert not readers.ask("c", body(8))  # b has made room, which is not enough
    assert (readers.dropped, readers.unread.bytes) == (["b"], 6)


@pytest.fixture(scope="module")
def small(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """It keeps 8 MB; `big` is an answer of 5 MB."""
    project = write_project(tmp_path_factory.mktemp("small") / "p", issuer.url)
    yield start(project, CUSTOMHOUSE_UNREAD_BYTES="8000000")


def reader(process: Process) -> socket.socket:
    """A client for whom its own system keeps little."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.connect(address_of(process))
    return connection


def test_a_reader_who_stalls_makes_room_for_one_who_reads(small: Process, issuer: Issuer) -> None:
    token, at = issuer.token("ed-1"), len(small.log)
    with reader(small) as stalls, client_of(small) as client:
        client.headers["accept-encoding"] = "identity"  # else 5 MB of one letter are short
        stalls.sendall(request_of(token, "big"))
        assert stalls.recv(8) == b"HTTP/1.1"
        answers: list[httpx.Response] = []

        def answered() -> bool:
            answers.append(ask(client, token, "big"))
            return answers[-1].status_code == 200

        assert until(answered)
        assert ask(client, token, "ok").json() == {"data": {"ok": True}}
        assert sum(map(len, iter(lambda: stalls.recv(65536), b""))) < 5_000_000  # and then its connection ends
    *refused, given = answers
    assert len(given.json()["data"]["big"]) == 5_000_000
    assert refused, "the first asks while the other has only begun to stall"
    for answer in refused:
        assert answer.json()["errors"][0]["extensions"]["code"] == "CH164"
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert until(lambda: any(line.get("status") == 499 for line in small.log[at:]))


def test_a_process_ends_though_a_client_never_reads_its_last_answers(
    start: Start, issuer: Issuer, tmp_path: Path
) -> None:
    """They have been answered, and some of them wait in the process: nobody is at work who could drop their reader."""
    settings = {"CUSTOMHOUSE_SLOW_READER": "0.3", "CUSTOMHOUSE_SHUTDOWN_TIMEOUT": "600"}
    process = start(write_project(tmp_path / "p", issuer.url), **settings)
    request, at = request_of(issuer.token("ed-1"), "page"), len(process.log)

    def ended(status: int) -> int:
        return sum(line.get("status") == status for line in process.log[at:])

    with reader(process) as first, reader(process) as second:
        for sent in range(100, 20_000, 100):
            first.sendall(request * 100)
            assert until(lambda sent=sent: ended(200) == sent or ended(499) > 0)
            if ended(499):
                break
        most = ended(200)
        second.sendall(request * most)
        assert until(lambda: ended(200) == 2 * most)
        assert process.stop() == 0
    assert not [line for line in process.log if line["event"] == "library"]


async def test_what_stands_beside_goes_out_in_pieces_and_is_accounted_for() -> None:
    """As FastAPI sends it: a head, then one body. Sent whole it would be the transport's to keep."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    def begin() -> Beside:
        scope: Scope = {"method": "GET", "query_string": b"", "headers": []}
        return Beside(Exchange(scope, receive, send, 5.0, account), Trail(), Switch())

    head: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"200000")]}
    account = Unread(300_000)
    outgoing = begin()
    await outgoing(head)
    assert not sent
    await outgoing({"type": "http.response.body", "body": body(200_000)})
    sizes = [len(cast(bytes, one["body"])) for one in sent[1:]]
    assert (sent[0]["status"], sum(sizes), max(sizes), sent[-1].get("more_body", False)) == (
        200,
        200_000,
        131_072,
        False,
    )
    assert account.bytes == 0
    sent.clear()
    account.keep(body(200_000), lambda: None)
    refused = begin()
    await refused(head)
    await refused({"type": "http.response.body", "body": body(200_000)})
    assert sent[0]["status"] == 503
    assert b"CH164" in b"".join(cast(bytes, one["body"]) for one in sent[1:])
