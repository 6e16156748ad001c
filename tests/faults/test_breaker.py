"""The breaker against a model that remembers everything and decides anew each time, on a clock that does not run."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from resolvers.backends.reliability.breaker import Breaker, Outcome, Permit, State, Trip
from resolvers.backends.reliability.window import BUCKETS

TRIP = Trip(failures=3, rate=0.5, calls=6, window=10.0, seconds=4.0)
OUTCOMES = st.sampled_from(("answered", "failed", "neither"))


class Model:
    """What the breaker promises, in the plainest way: a list of what was settled since it last changed."""

    def __init__(self) -> None:
        self.state: State = "closed"
        self.settled: list[tuple[float, Outcome]] = []
        self.opened, self.stays = 0.0, 0.0
        self.probes = 0
        self.turn = 0

    def admits(self, now: float) -> bool:
        if self.state == "open":
            return now >= self.opened + self.stays
        return self.state == "closed" or self.probes == 0

    def admit(self, now: float) -> bool:
        if not self.admits(now):
            return False
        if self.state == "open":
            self.become("half_open")
        self.probes += self.state == "half_open"
        return True

    def settle(self, now: float, outcome: Outcome, chance: float) -> None:
        self.probes = 0
        if outcome == "neither":
            return
        self.settled.append((now, outcome))
        if self.state == "half_open":
            self.become("closed" if outcome == "answered" else "open", now, chance)
        elif outcome == "failed" and (self.run() >= TRIP.failures or self.rate(now)):
            self.become("open", now, chance)

    def run(self) -> int:
        outcomes = [outcome for _, outcome in reversed(self.settled)]
        return next((at for at, outcome in enumerate(outcomes) if outcome == "answered"), len(outcomes))

    def rate(self, now: float) -> bool:
        width = TRIP.window / BUCKETS
        late = [o for at, o in self.settled if math.floor(at / width) > math.floor(now / width) - BUCKETS]
        return len(late) >= TRIP.calls and late.count("failed") >= TRIP.rate * len(late)

    def become(self, state: State, now: float = 0.0, chance: float = 0.0) -> None:
        self.state, self.settled, self.probes, self.turn = state, [], 0, self.turn + 1
        self.opened, self.stays = now, TRIP.seconds * (1 + chance / 4)


class BreakerIsItsModel(RuleBasedStateMachine):
    """Calls begin, end in any order and any way, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.chance = 0.0
        self.told: list[tuple[State, State]] = []
        self.breaker = Breaker(
            TRIP, lambda before, after: self.told.append((before, after)), lambda: self.now, lambda: self.chance
        )
        self.model = Model()
        self.under_way: list[tuple[Permit, int]] = []

    @rule()
    def begin(self) -> None:
        permit = self.breaker.admit()
        assert (permit is not None) == self.model.admit(self.now)
        if permit is not None:
            assert permit.probe == (self.model.state == "half_open")
            self.under_way.append((permit, self.model.turn))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), outcome=OUTCOMES, chance=st.sampled_from((0.0, 0.5, 1.0)))
    def end(self, data: st.DataObject, outcome: Outcome, chance: float) -> None:
        self.chance = chance
        permit, turn = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.breaker.settle(permit, outcome)
        if turn == self.model.turn:
            self.model.settle(self.now, outcome, chance)

    @rule(outcomes=st.lists(OUTCOMES, max_size=8))
    def calls_one_after_the_other(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.begin()
            if self.under_way and self.under_way[-1][1] == self.model.turn:
                permit, _ = self.under_way.pop()
                self.breaker.settle(permit, outcome)
                self.model.settle(self.now, outcome, self.chance)

    @rule(seconds=st.sampled_from((0.125, 1.0, 3.875, 4.0, 5.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def they_agree(self) -> None:
        assert self.breaker.state == self.model.state
        assert self.breaker.refuses() != self.model.admits(self.now)
        assert len(self.told) == self.model.turn
        states: list[State] = ["closed", *(after for _, after in self.told)]
        assert [before for before, _ in self.told] == states[:-1]
        assert states[-1] == self.breaker.state


TestBreakerIsItsModel = BreakerIsItsModel.TestCase
TestBreakerIsItsModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def opened(now: list[float]) -> Breaker:
    breaker = Breaker(TRIP, clock=lambda: now[0], chance=lambda: 0.0)
    for _ in range(TRIP.failures):
        permit = breaker.admit()
        assert permit is not None
        breaker.settle(permit, "failed")
    return breaker


def test_a_straggler_from_before_says_nothing_of_now() -> None:
    """Ten calls hang; three of them fail and open it. What becomes of the others neither closes nor prolongs that."""
    now = [0.0]
    breaker = Breaker(TRIP, clock=lambda: now[0], chance=lambda: 0.0)
    permits = [permit for _ in range(10) if (permit := breaker.admit())]
    for permit in permits[:3]:
        breaker.settle(permit, "failed")
    assert breaker.state == "open"
    now[0] = 3.9
    breaker.settle(permits[3], "failed")
    breaker.settle(permits[4], "answered")
    assert (breaker.state, breaker.refuses()) == ("open", True)
    now[0] = 4.0
    assert not breaker.refuses()


def test_a_probe_that_says_nothing_leaves_room_for_the_next() -> None:
    now = [0.0]
    breaker = opened(now)
    now[0] = 4.0
    probe = breaker.admit()
    assert probe is not None
    assert probe.probe
    assert breaker.admit() is None
    breaker.settle(probe, "neither")
    second = breaker.admit()
    assert second is not None
    breaker.settle(second, "answered")
    assert breaker.state == "closed"


def test_a_rate_opens_without_a_run() -> None:
    breaker = Breaker(TRIP, clock=lambda: 0.0)
    for at in range(6):
        permit = breaker.admit()
        assert permit is not None
        breaker.settle(permit, "failed" if at % 2 else "answered")
    assert breaker.state == "open"
