"""The life of a profile's account. Everything that may change its state stands in `TABLE`."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What is known of the account."""

    NOBODY = "nobody"
    """Nobody ever signed in."""
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    """The account is known and has to sign in again."""
    LOCKED = "locked"
    """Signed in by the record, and the password cannot be read now. Never stored."""


class Step(Enum):
    """What may happen to it."""

    ENTER = "enter"
    """The server accepts the password, and it is kept."""
    LEAVE = "leave"
    """The person signs out."""
    REJECT = "reject"
    """The server refuses the kept password."""
    LOSE = "lose"
    """The password is not in the keyring any more."""
    LOCK = "lock"
    """The keyring fails."""
    UNLOCK = "unlock"
    """The keyring works again."""


TABLE = {
    (State.NOBODY, Step.ENTER): State.SIGNED_IN,
    (State.SIGNED_IN, Step.ENTER): State.SIGNED_IN,
    (State.SIGNED_OUT, Step.ENTER): State.SIGNED_IN,
    (State.LOCKED, Step.ENTER): State.SIGNED_IN,
    (State.SIGNED_IN, Step.LEAVE): State.SIGNED_OUT,
    (State.LOCKED, Step.LEAVE): State.SIGNED_OUT,
    (State.SIGNED_IN, Step.REJECT): State.SIGNED_OUT,
    (State.SIGNED_IN, Step.LOSE): State.SIGNED_OUT,
    (State.LOCKED, Step.LOSE): State.SIGNED_OUT,
    (State.SIGNED_IN, Step.LOCK): State.LOCKED,
    (State.LOCKED, Step.UNLOCK): State.SIGNED_IN,
}


def after(state: State, step: Step) -> State | None:
    """The state that a step leads to; None when it changes nothing there."""
    return TABLE.get((state, step))
