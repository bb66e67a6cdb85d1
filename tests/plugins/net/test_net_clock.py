"""The network clock: bounded by what sources say, agreed by most of them, and never going back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_net.surroundings.agreement import DRIFT, Interval, agree
from tulou_net.surroundings.clock import SteadyNetworkClock

TODAY = 1_800_000_000_000_000
HOUR = 3600.0


class Machine:
    """A machine whose system clock is late by `late` seconds against the truth."""

    def __init__(self, late: float = 0.0) -> None:
        self.steady = 100.0
        self.late = late
        self.slept = 0.0
        self.clock = SteadyNetworkClock(self.wall, lambda: self.steady)

    def truth(self) -> int:
        return TODAY + round((self.steady + self.slept) * 1e6)

    def wall(self) -> int:
        return self.truth() - round(self.late * 1e6)

    def ask(
        self, source: str = "server", wrong: float = 0.0, trip: float = 0.1, resolution: float = 0.0
    ) -> None:
        """A question and answer that takes `trip` seconds, read half-way by a clock `wrong` seconds early."""
        sent = self.steady
        self.steady += trip / 2
        said = self.truth() + round(wrong * 1e6)
        if resolution:
            said -= said % round(resolution * 1e6)
        self.steady += trip / 2
        self.clock.observe(source, said, sent=sent, received=self.steady, resolution=resolution)

    def error(self) -> float:
        return (self.clock.now() - self.truth()) / 1e6


def test_without_a_source_it_is_the_systems_clock() -> None:
    machine = Machine(late=HOUR)
    assert machine.clock.now() == machine.wall()
    assert machine.clock.uncertainty is None and machine.clock.offset == 0 and not machine.clock.sources


@pytest.mark.parametrize("late", [HOUR, -HOUR, 86_400 * 40.0, 0.3])
def test_one_answer_sets_it_right_within_half_the_trip(late: float) -> None:
    machine = Machine(late)
    machine.ask(trip=0.2)
    assert machine.clock.offset == pytest.approx(late, abs=0.1)
    assert machine.clock.uncertainty == pytest.approx(0.1, abs=1e-6)


def test_answers_of_whole_seconds_narrow_each_other() -> None:
    machine = Machine(late=5.0)
    for _ in range(8):
        machine.ask(trip=0.01, resolution=1.0)
        machine.steady += 0.37
    assert machine.clock.uncertainty is not None and machine.clock.uncertainty < 0.2
    assert abs(machine.error()) <= machine.clock.uncertainty


def test_two_of_three_outvote_a_liar() -> None:
    machine = Machine(late=2.0)
    machine.ask("liar", wrong=-HOUR)
    machine.ask("a")
    machine.ask("b")
    assert abs(machine.error()) < 0.2
    assert machine.clock.sources["liar"] == pytest.approx(2.0 - HOUR, abs=0.2)


def test_one_against_one_what_was_agreed_before_stays() -> None:
    machine = Machine(late=2.0)
    machine.ask("a")
    machine.ask("liar", wrong=HOUR)
    assert abs(machine.error()) < 0.2


def test_it_never_goes_back_and_arrives_at_the_truth() -> None:
    machine = Machine(late=-10.0)      # the system clock is ten seconds early
    told = machine.clock.now()
    machine.ask()
    for _ in range(100):
        machine.steady += 0.5
        now = machine.clock.now()
        assert now > told
        told = now
    assert abs(machine.error()) < 0.1


def test_a_clock_that_is_set_meanwhile_moves_nothing() -> None:
    machine = Machine()
    machine.ask()
    machine.late = HOUR                # somebody sets the system clock back
    assert abs(machine.error()) < 0.1
    assert machine.clock.look()
    machine.ask()
    assert abs(machine.error()) < 0.1
    assert machine.clock.offset == pytest.approx(HOUR, abs=0.1)
    assert not machine.clock.look()


def test_sleep_in_which_the_steady_clock_stood_still_is_noticed() -> None:
    machine = Machine(late=7.0)
    machine.ask()
    machine.slept = 8 * HOUR
    assert machine.clock.look()
    assert abs(machine.error()) < 0.1 and machine.clock.uncertainty is None


@pytest.mark.parametrize("said, sent, received, resolution", [
    (0, 1.0, 2.0, 0.0), (-5, 1.0, 2.0, 0.0), (1 << 62, 1.0, 2.0, 0.0),
    (TODAY, 2.0, 1.0, 0.0), (TODAY, 1.0, 2000.0, 0.0), (TODAY, 1.0, 2.0, -1.0), (TODAY, 1.0, 2.0, 1e9),
    (TODAY, float("nan"), 2.0, 0.0),
])
def test_impossible_answers_are_ignored(said: int, sent: float, received: float, resolution: float) -> None:
    machine = Machine()
    machine.clock.observe("x", said, sent=sent, received=received, resolution=resolution)
    assert not machine.clock.sources and machine.clock.now() == machine.wall()


def test_a_crowd_of_sources_is_bounded() -> None:
    machine = Machine()
    for number in range(100):
        machine.ask(f"source {number}")
    assert len(machine.clock.sources) == 16 and "source 99" in machine.clock.sources


steps = st.lists(st.one_of(
    st.tuples(st.just("ask"), st.sampled_from("abc"), st.floats(-5, 5), st.floats(0, 3)),
    st.tuples(st.just("wait"), st.floats(0, 1000)),
    st.tuples(st.just("set"), st.floats(-1e6, 1e6)),
    st.tuples(st.just("sleep"), st.floats(0, 1e5)),
    st.tuples(st.just("look")),
), max_size=40)


@given(steps)
def test_whatever_happens_it_never_goes_back(steps: list[tuple[object, ...]]) -> None:
    machine = Machine()
    told = machine.clock.now()
    for step in steps:
        match step:
            case "ask", str(source), float(wrong), float(trip):
                machine.ask(source, wrong, trip)
            case "wait", float(seconds):
                machine.steady += seconds
            case "set", float(late):
                machine.late = late
            case "sleep", float(seconds):
                machine.slept += seconds
            case _:
                machine.clock.look()
        now = machine.clock.now()
        assert now >= told
        told = now


intervals = st.lists(
    st.builds(lambda low, width: Interval(low, low + width), st.integers(-50, 50), st.integers(0, 30)),
    min_size=1, max_size=8,
)


@given(intervals)
def test_what_is_agreed_has_the_most_votes_there_are(intervals: list[Interval]) -> None:
    def votes(place: float) -> int:
        return sum(each.low <= place <= each.high for each in intervals)

    found = agree(intervals)
    most = max(votes(place) for each in intervals for place in each)
    assert found
    for each in found:
        assert each.votes == most == votes(each.interval.low) == votes(each.interval.high)
        assert votes(each.interval.middle) == most


def test_an_old_word_is_worth_less() -> None:
    machine = Machine()
    machine.ask("old", trip=0.0)
    machine.steady += 10_000
    machine.ask("new", wrong=0.5, trip=0.0)      # within what two quartzes may have drifted apart
    assert 10_000 * DRIFT > 0.5
    assert machine.clock.offset == pytest.approx(0.5, abs=0.01)
