"""Who is stopped, as a process knows it: from the file, from what processes share, and from neither when they fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.partners.stop import Record, Stop, later_than
from app.partners.stops import Stops
from app.partners.stops_file import StopsError, change, read_stops
from app.partners.stops_shared import SharedStops
from schema.errors import Refusal
from tests.results.valkey import Valkey

SECRET = bytes(range(64))
STOP = Stop(1_800_000_000.5, "token found: in a public repository")
AGENCY, AIRLINE = "agency", "airline"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stops.yaml"


def known(path: Path, shared: SharedStops | None = None) -> Stops:
    stops = Stops("partner", path, None if shared is None else lambda: shared)
    stops.declare([AGENCY, AIRLINE])
    return stops


def who(stops: Stops) -> list[str]:
    return [name for name in (AGENCY, AIRLINE) if stops.stopped(name)]


def test_what_is_written_is_read(path: Path) -> None:
    change(path, "partner", AGENCY, STOP)
    change(path, "other", AGENCY, Stop(1.0, "x"))
    change(path, "partner", AIRLINE, STOP)
    change(path, "partner", AIRLINE, None)
    assert read_stops(path) == {"partner": {AGENCY: STOP}, "other": {AGENCY: Stop(1.0, "x")}}
    assert [one.name for one in path.parent.iterdir()] == ["stops.yaml"], "no draft is left"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nobody\n",
        "[]",
        "partner:\n",
        "partner: [agency]\n",
        "partner: {agency: {since: 2026-01-31T12:00:00Z}}\n",
        "partner: {agency: {reason: x}}\n",
        "partner: {agency: {since: '2026-01-31T12:00:00', reason: x}}\n",
        "partner: {agency: {since: soon, reason: x}}\n",
        "partner: {agency: stopped}\n",
        "partner: {agency",
        "partner: \x00",
    ],
)
def test_what_is_not_understood_might_hold_a_stop(path: Path, text: str) -> None:
    """At start it ends the start; later it changes nothing. No command writes over it."""
    path.write_text(text)
    with pytest.raises(StopsError, match="CH337"):
        known(path)
    with pytest.raises(StopsError, match="CH337"):
        change(path, "partner", AIRLINE, STOP)
    assert path.read_text() == text


@pytest.mark.parametrize("since", ["2026-01-31T12:00:00Z", "2026-01-31", "'2026-01-31T12:00:00+01:00'"])
def test_a_stop_may_be_written_by_hand(path: Path, since: str) -> None:
    path.write_text(f"partner: {{agency: {{since: {since}, reason: by hand}}}}\n")
    assert who(known(path)) == [AGENCY]


def test_no_file_is_nobody_and_no_folder_is_unknown(path: Path) -> None:
    assert who(known(path)) == []
    with pytest.raises(StopsError, match="CH337"):
        known(path.parent / "absent" / "stops.yaml")


async def test_the_file_is_followed(path: Path) -> None:
    stops = known(path)
    change(path, "partner", AGENCY, STOP)
    change(path, "other", AIRLINE, STOP)
    await stops.look()
    assert who(stops) == [AGENCY]
    change(path, "partner", AGENCY, None)
    await stops.look()
    assert who(stops) == []


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("")])
async def test_a_stop_is_not_forgotten(path: Path, spoil: Callable[[Path], object]) -> None:
    change(path, "partner", AGENCY, STOP)
    stops = known(path)
    spoil(path)
    for _ in range(2):
        await stops.look()
        assert who(stops) == [AGENCY]
    path.write_text("{}\n")
    await stops.look()
    assert who(stops) == []


async def test_what_is_done_for_a_partner_ends(path: Path) -> None:
    """Each task that does something for it is cancelled, and says why; those of others go on."""
    stops, ended, go = known(path), list[str](), asyncio.Event()

    async def work(partner: str) -> None:
        try:
            with stops.inside(partner):
                await go.wait()
        except Refusal as refusal:
            ended.append(refusal.code)

    tasks = [asyncio.create_task(work(name)) for name in (AGENCY, AGENCY, AIRLINE)]
    await asyncio.sleep(0)
    change(path, "partner", AGENCY, STOP)
    await stops.look()
    await asyncio.gather(*tasks[:2])
    assert (ended, tasks[2].done()) == (["CH313", "CH313"], False)
    with pytest.raises(Refusal, match="stopped"), stops.inside(AGENCY):
        pass
    go.set()
    await tasks[2]
    assert len(ended) == 2


async def test_another_cancellation_stays_what_it_is(path: Path) -> None:
    stops = known(path)

    async def work() -> None:
        with stops.inside(AGENCY):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
async def shared(valkey: Valkey) -> AsyncIterator[Callable[[], SharedStops]]:
    opened: list[SharedStops] = []

    def open_one() -> SharedStops:
        opened.append(SharedStops(valkey.url, "partner", SECRET))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


async def test_another_machine_knows(path: Path, shared: Callable[[], SharedStops]) -> None:
    there, one = known(path, shared()), shared()
    await one.write(AGENCY, Record(10.0, STOP))
    await there.look()
    assert who(there) == [AGENCY]
    await one.write(AGENCY, Record(11.0, None))
    await there.look()
    assert who(there) == []


async def test_a_stop_in_a_file_reaches_the_others(path: Path, shared: Callable[[], SharedStops]) -> None:
    """A command that could not reach the shared records wrote the file alone: whoever reads the file tells them."""
    change(path, "partner", AGENCY, STOP)
    here, there = known(path, shared()), known(path.with_name("other.yaml"), shared())
    await here.look()
    await there.look()
    assert who(there) == [AGENCY]


async def test_a_server_that_forgot_is_told_again(
    path: Path, shared: Callable[[], SharedStops], valkey: Valkey
) -> None:
    there, one = known(path, shared()), shared()
    await one.write(AGENCY, Record(10.0, STOP))
    await there.look()
    with valkey.client() as client:
        client.flushall()
    await there.look()
    assert who(there) == [AGENCY]
    assert (await one.read([AGENCY]))[AGENCY] == Record(10.0, STOP)


async def test_a_server_that_is_down_changes_nothing(
    path: Path, shared: Callable[[], SharedStops], valkey: Valkey
) -> None:
    there = known(path, shared())
    await shared().write(AGENCY, Record(10.0, STOP))
    await there.look()
    valkey.kill()
    change(path, "partner", AIRLINE, STOP)
    await there.look()
    assert who(there) == [AGENCY, AIRLINE], "what was known, and the file"


async def test_an_older_record_is_not_believed(path: Path, shared: Callable[[], SharedStops], valkey: Valkey) -> None:
    """Whoever can write to the server puts back the record that let the partner in."""
    there, one = known(path, shared()), shared()
    await one.write(AGENCY, Record(10.0, None))
    with valkey.client() as client:
        (name,) = client.keys("customhouse:1:stop:*")
        old = client.get(name)
    await one.write(AGENCY, Record(11.0, STOP))
    await there.look()
    with valkey.client() as client:
        client.set(name, old)
    await there.look()
    assert who(there) == [AGENCY]
    assert (await one.read([AGENCY]))[AGENCY].at == 11.0, "and it is replaced"


@pytest.mark.parametrize("forged", [b"x", b"x" * 300, None])
async def test_nobody_else_can_say_anything(
    path: Path, shared: Callable[[], SharedStops], valkey: Valkey, forged: bytes | None
) -> None:
    """None: another partner's record, which says that it may come in, is put in the place of this one's."""
    there, one = known(path, shared()), shared()
    await one.write(AGENCY, Record(10.0, STOP))
    await one.write(AIRLINE, Record(10.0, None))
    await there.look()
    stranger = SharedStops(valkey.url, "partner", SECRET[::-1])
    assert dict(await stranger.read([AGENCY])) == {}
    await stranger.close()
    with valkey.client() as client:
        client.set(one._key(AGENCY), client.get(one._key(AIRLINE)) if forged is None else forged)
    await there.look()
    assert who(there) == [AGENCY]
    assert not any(word in valkey.everything() for word in (b"agency", b"airline", b"repository"))


def test_what_is_said_later_is_later(path: Path) -> None:
    future = Record(time.time() + 1000, STOP)
    assert later_than(future) > future.at
    assert later_than(None) == pytest.approx(time.time(), abs=60)
