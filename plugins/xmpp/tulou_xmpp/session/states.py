"""The states of a session and every way between them. What is not in the table is not allowed."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a session stands; it outlives the connections it uses."""

    DISCONNECTED = "disconnected"
    OPENING = "opening"              # first stream: before authentication
    REGISTERING = "registering"
    AUTHENTICATING = "authenticating"
    REOPENING = "reopening"          # second stream: authenticated
    RESUMING = "resuming"
    BINDING = "binding"
    ENABLING = "enabling"            # stream management asked for
    READY = "ready"
    CLOSING = "closing"              # nothing but the end may come


class Step(Enum):
    """What moves a session on."""

    CONNECT = "connect"
    REGISTER = "register"
    AUTHENTICATE = "authenticate"
    AUTHENTICATED = "authenticated"
    RESUME = "resume"
    RESUMED = "resumed"
    RESUME_REFUSED = "resume refused"
    BIND = "bind"
    ENABLE = "enable"
    READY = "ready"
    CLOSE = "close"
    LOSE = "lose"


TABLE: dict[tuple[State, Step], State] = {
    (State.DISCONNECTED, Step.CONNECT): State.OPENING,
    (State.OPENING, Step.REGISTER): State.REGISTERING,
    (State.OPENING, Step.AUTHENTICATE): State.AUTHENTICATING,
    (State.AUTHENTICATING, Step.AUTHENTICATED): State.REOPENING,
    (State.REOPENING, Step.RESUME): State.RESUMING,
    (State.REOPENING, Step.BIND): State.BINDING,
    (State.RESUMING, Step.RESUMED): State.READY,
    (State.RESUMING, Step.RESUME_REFUSED): State.BINDING,
    (State.BINDING, Step.ENABLE): State.ENABLING,
    (State.BINDING, Step.READY): State.READY,
    (State.ENABLING, Step.READY): State.READY,
    # closing and losing are possible from everywhere
    **{(state, Step.CLOSE): State.CLOSING for state in State if state is not State.DISCONNECTED},
    **{(state, Step.LOSE): State.DISCONNECTED for state in State},
}
