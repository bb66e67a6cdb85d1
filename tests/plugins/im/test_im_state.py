"""The table of a message's life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_contracts.messaging import MessageState as State
from tulou_im.state import TABLE, Step, after, transitions

RANK = {State.QUEUED: 0, State.SENT: 1, State.DELIVERED: 2, State.READ: 3}


def test_every_state_has_its_line():
    assert set(TABLE) == set(State)


@pytest.mark.parametrize(("state", "step", "expected"), [
    (State.QUEUED, Step.ACCEPTED, State.SENT),
    (State.QUEUED, Step.READ, State.READ),          # the receipt overtook the acknowledgement
    (State.SENT, Step.REFUSED, State.FAILED),       # our server took it, the recipient's did not
    (State.DELIVERED, Step.REFUSED, State.DELIVERED),
    (State.DELIVERED, Step.ACCEPTED, State.DELIVERED),
    (State.READ, Step.DELIVERED, State.READ),
    (State.FAILED, Step.ACCEPTED, State.FAILED),
    (State.FAILED, Step.DELIVERED, State.DELIVERED),
    (State.FAILED, Step.RETRY, State.QUEUED),
    (State.SENT, Step.RETRY, State.SENT),
    (State.RECEIVED, Step.READ, State.RECEIVED),
])
def test_what_happens(state, step, expected):
    assert after(state, step) is expected


@given(st.lists(st.sampled_from(Step)))
def test_a_message_never_goes_back(steps):
    state = State.QUEUED
    for step in steps:
        new = after(state, step)
        if state in RANK and new in RANK:
            assert RANK[new] >= RANK[state]
        if new is State.FAILED and state is not State.FAILED:
            assert step is Step.REFUSED and RANK[state] < 2
        if state is State.FAILED and new is State.QUEUED:
            assert step is Step.RETRY
        state = new


@given(st.lists(st.sampled_from([Step.ACCEPTED, Step.DELIVERED, Step.READ])), st.randoms())
def test_the_order_of_receipts_does_not_matter(steps, random):
    def end(order):
        state = State.QUEUED
        for step in order:
            state = after(state, step)
        return state

    shuffled = list(steps)
    random.shuffle(shuffled)
    assert end(steps) is end(shuffled)


def test_the_diagram_has_every_transition():
    assert ("failed", "retry", "queued") in transitions()
    assert len(transitions()) == sum(map(len, TABLE.values()))
