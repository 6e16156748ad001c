"""A service that fails is left alone, longer each time, and tried by one at a time."""

from __future__ import annotations

from resolvers.results.pause import Pause


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_grows_and_ends() -> None:
    clock = Clock()
    pause = Pause(1.0, 10.0, clock)
    assert pause.failed(pause.attempt() or 0)
    for length in (1, 2, 4, 8, 10, 10):
        assert pause.attempt() is None
        clock.now += length - 0.01
        assert pause.attempt() is None
        clock.now += 0.02
        trial = pause.attempt()
        assert trial is not None
        assert pause.attempt() is None  # one at a time
        assert pause.failed(trial)
    clock.now += 11
    trial = pause.attempt()
    assert trial is not None
    pause.succeeded(trial)
    assert pause.attempt() is not None and pause.attempt() is not None


def test_failures_that_were_under_way_together_are_one() -> None:
    clock = Clock()
    pause = Pause(1.0, 10.0, clock)
    attempts = [pause.attempt() or 0 for _ in range(5)]
    assert [pause.failed(attempt) for attempt in attempts] == [True, False, False, False, False]
    clock.now += 1.0
    assert pause.attempt() is not None


def test_an_old_success_does_not_end_a_pause() -> None:
    pause = Pause(1.0, 10.0, Clock())
    one, other = pause.attempt() or 0, pause.attempt() or 0
    pause.failed(one)
    pause.succeeded(other)
    assert pause.attempt() is None


def test_a_trial_that_never_ended_is_followed_by_another() -> None:
    clock = Clock()
    pause = Pause(1.0, 10.0, clock)
    pause.failed(pause.attempt() or 0)
    clock.now += 1
    assert pause.attempt() is not None
    clock.now += 1
    assert pause.attempt() is not None
