"""The life of a message of ours: one table, and the only place that knows it.

States move forward only. The one way back is RETRY, a person's wish, from FAILED to QUEUED.
"""

from __future__ import annotations

from enum import Enum

from tulou_contracts.messaging import MessageState as State


class Step(Enum):
    """What can happen to a message of ours."""

    ACCEPTED = "accepted"        # the server took it
    DELIVERED = "delivered"      # the other party's device said so
    READ = "read"                # the other party's device said so
    REFUSED = "refused"          # for good, by either server
    RETRY = "retry"


TABLE: dict[State, dict[Step, State]] = {
    State.QUEUED: {
        Step.ACCEPTED: State.SENT,
        Step.DELIVERED: State.DELIVERED,
        Step.READ: State.READ,
        Step.REFUSED: State.FAILED,
    },
    State.SENT: {
        Step.DELIVERED: State.DELIVERED,
        Step.READ: State.READ,
        Step.REFUSED: State.FAILED,
    },
    # A refusal that comes after proof of delivery is another device's, and no failure.
    State.DELIVERED: {Step.READ: State.READ},
    State.READ: {},
    # ACCEPTED is no cure: our server accepts what the recipient's server then refuses.
    State.FAILED: {
        Step.DELIVERED: State.DELIVERED,
        Step.READ: State.READ,
        Step.RETRY: State.QUEUED,
    },
    State.RECEIVED: {},
}


def after(state: State, step: Step) -> State:
    """The state that follows; the same one when the step says nothing new."""
    return TABLE[state].get(step, state)


def transitions() -> list[tuple[str, str, str]]:
    """Every real transition as (from, step, to), for the diagram in the documentation."""
    return [
        (state.value, step.value, target.value)
        for state, steps in TABLE.items()
        for step, target in steps.items()
    ]
