"""Where a quota stands, from two counters: units of the window before wane, those of this one count whole."""

from __future__ import annotations

import pytest

from app.quotas.window import Tally, standing

# 10 units in 60 seconds. The tally: before, for how long it still counts; now, when it no longer counts at all.
CASES = [
    ("nothing yet", Tally(0, 0.0, 0, 0.0), 10, 0.0, 60.0),
    ("some", Tally(0, 0.0, 4, 100.0), 6, 0.0, 40.0),
    ("used up: this window has to end and then wane by a unit", Tally(0, 0.0, 10, 100.0), 0, 40.0, 40.0),
    ("overrun by as much again: half a window more", Tally(0, 0.0, 20, 100.0), 0, 40.0 + 30.0, 40.0),
    ("the window before counts by half", Tally(10, 30.0, 2, 90.0), 3, 0.0, 30.0),
    ("it wanes until there is a unit again", Tally(20, 30.0, 4, 90.0), 0, 12.0, 30.0),
    ("only the window before", Tally(20, 45.0, 0, 0.0), 0, 15.0, 45.0),
]


@pytest.mark.parametrize(("said", "tally", "left", "over", "ends"), CASES, ids=[case[0] for case in CASES])
def test_standing(said: str, tally: Tally, left: int, over: float, ends: float) -> None:
    found = standing(tally, 10, 60)
    assert (found.left, round(found.over, 6), found.ends) == (left, over, ends), said


@pytest.mark.parametrize("tally", [case[1] for case in CASES])
def test_when_it_is_over_a_unit_is_there_and_not_before(tally: Tally) -> None:
    """The same estimate at the time that was told, and a moment before it."""

    def at(seconds: float) -> int:
        left_of_now = tally.now_ends - 60
        if seconds < left_of_now or not tally.now:
            later = Tally(tally.before, max(0.0, tally.before_ends - seconds), tally.now, tally.now_ends - seconds)
        else:
            later = Tally(tally.now, max(0.0, tally.now_ends - seconds), 0, 0.0)
        return standing(later, 10, 60).left

    over = standing(tally, 10, 60).over
    assert at(over + 0.001) > 0
    assert not over or at(over - 1.0) == 0
