"""Where messages stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tulou_im.positions import FRESH, STEP, Slot, at_end, is_fresh, place

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
times = st.integers(NOW - 20 * SECOND, NOW + 20 * SECOND)
slots = st.builds(Slot, times, st.none() | times, st.booleans())


def free(position):
    return False


def test_time_is_the_position_where_it_agrees_with_the_order():
    run = [Slot(NOW - 3 * SECOND), Slot(NOW - 2 * SECOND), Slot(NOW - SECOND)]
    assert place(run, free) == [slot.at for slot in run]


def test_messages_of_one_second_keep_the_archives_order_and_leave_room():
    assert place([Slot(5 * SECOND)] * 3, free) == [
        5 * SECOND, 5 * SECOND + STEP, 5 * SECOND + 2 * STEP
    ]


def test_a_message_found_later_stands_between_its_neighbours():
    before, later = NOW - 10 * SECOND, NOW - 5 * SECOND
    run = [Slot(before, before), Slot(NOW), Slot(later, later)]  # its own stamp is wrong
    assert before < place(run, free)[1] < later


def test_a_message_of_ours_that_waited_for_a_connection_holds_nobody_back():
    written, sent = NOW - 60 * SECOND, NOW - 5 * SECOND
    run = [Slot(NOW - 30 * SECOND), Slot(sent, written, loose=True), Slot(NOW - SECOND)]
    assert place(run, free) == [NOW - 30 * SECOND, written, NOW - SECOND]


def test_without_any_room_a_message_is_still_placed():
    taken = {100, 101, 102}
    assert place([Slot(100, 100), Slot(0), Slot(101, 101)], taken.__contains__) == [100, 103, 101]


def test_our_own_message_comes_last_though_the_clock_was_set_back():
    assert at_end(NOW - 3600 * SECOND, NOW) > NOW
    assert at_end(NOW, NOW - SECOND) == NOW
    assert at_end(0, -STEP) == 1


def test_what_was_kept_for_us_is_not_fresh():
    assert is_fresh(NOW - FRESH, NOW) and is_fresh(NOW + SECOND, NOW)
    assert not is_fresh(NOW - FRESH - 1, NOW)


@given(
    st.lists(slots, max_size=12, unique_by=lambda slot: slot.known or id(slot)),
    st.sets(times, max_size=20),
)
def test_positions_are_new_rising_and_above_all_before_them(run, stored):
    known = {slot.known for slot in run if slot.known is not None}
    taken = stored | known
    result = place(run, taken.__contains__)
    assert len(result) == len(run)
    new = [position for slot, position in zip(run, result, strict=True) if slot.known is None]
    assert not taken & set(new)
    low = 0
    for slot, position in zip(run, result, strict=True):
        if slot.known is None:
            assert position > low
        else:
            assert position == slot.known
        low = max(low, position)


@given(
    st.integers(1, 10**15), st.integers(1, 10**6),
    st.lists(st.integers(-10**15, 10**15), min_size=1, max_size=30),
)
def test_neighbours_hold_what_is_between_them_while_there_is_room(low, room, ats):
    high = low + len(ats) + room
    run = [Slot(low, low), *[Slot(at) for at in ats], Slot(high, high)]
    result = place(run, {low, high}.__contains__)
    assert all(low < position < high for position in result[1:-1])
