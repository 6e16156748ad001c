"""What ends a request's work is what is said of it, whatever the work does when it is ended."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from app.http.exchange import ClientLeft, Exchange
from app.http.watch import TimeIsUp, Watch


async def stubborn(error: Exception | None) -> None:
    """Work that fails in its own way when it is cancelled, or just ends."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        if error is None:
            raise
        raise error from None


def exchange(left: asyncio.Event) -> Exchange:
    async def leaves() -> None:
        await left.wait()

    return cast(Exchange, SimpleNamespace(short=None, left=leaves))


@pytest.mark.parametrize("error", [None, RuntimeError("a driver in the middle of a rollback"), TimeoutError()])
async def test_time_is_up(error: Exception | None) -> None:
    with pytest.raises(TimeIsUp), Watch(exchange(asyncio.Event()), 0.0):
        await stubborn(error)
    await asyncio.sleep(0)  # nothing is left of the cancellation


@pytest.mark.parametrize("error", [None, RuntimeError("a driver in the middle of a rollback")])
async def test_the_client_left(error: Exception | None) -> None:
    left = asyncio.Event()
    left.set()
    with pytest.raises(ClientLeft), Watch(exchange(left), 60.0) as watch:
        watch.listen()
        await stubborn(error)
    await asyncio.sleep(0)


async def test_an_error_of_its_own_passes() -> None:
    with pytest.raises(ValueError, match="mine"), Watch(exchange(asyncio.Event()), 60.0):
        raise ValueError("mine")


async def test_somebody_elses_cancellation_passes() -> None:
    async def watched() -> None:
        with Watch(exchange(asyncio.Event()), 60.0):
            await asyncio.sleep(60)

    task = asyncio.create_task(watched())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
