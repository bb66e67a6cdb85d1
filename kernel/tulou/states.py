"""The life of a plugin in one kernel, as one table: nothing else decides what may follow what."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a plugin is in its life."""

    DISABLED = "disabled"        # known, and not to run
    UNRESOLVED = "unresolved"    # can never start as things are; the reason says why
    WAITING = "waiting"          # a plugin it requires is not up
    STARTING = "starting"        # between the call of `run` and its yield
    RUNNING = "running"
    STOPPING = "stopping"        # dependents stop first, then what follows the yield runs
    BACKOFF = "backoff"          # failed, to be started again at a known time
    FAILED = "failed"            # quarantined: not started again unless somebody asks
    STOPPED = "stopped"          # ended in order with the app


class Step(Enum):
    """What happens to a plugin."""

    RESOLVE = "resolve"          # it can start once its requirements are up
    REJECT = "reject"            # no provider, a cycle, a version out of range, a broken module
    START = "start"
    READY = "ready"
    STOP = "stop"
    ENDED = "ended"              # stopped because a plugin it requires stops
    HALTED = "halted"            # stopped because the app stops
    TURNED_OFF = "turned off"    # stopped because somebody disabled it
    RETRY = "retry"              # failed, and the budget allows another attempt
    FAIL = "fail"                # failed for good


S, P = State, Step

TRANSITIONS: dict[State, dict[Step, State]] = {
    S.DISABLED: {P.RESOLVE: S.WAITING, P.REJECT: S.UNRESOLVED},
    S.UNRESOLVED: {P.RESOLVE: S.WAITING, P.REJECT: S.UNRESOLVED, P.TURNED_OFF: S.DISABLED,
                   P.HALTED: S.STOPPED},
    S.WAITING: {P.START: S.STARTING, P.REJECT: S.UNRESOLVED, P.TURNED_OFF: S.DISABLED,
                P.HALTED: S.STOPPED, P.FAIL: S.FAILED},
    S.STARTING: {P.READY: S.RUNNING, P.STOP: S.STOPPING, P.RETRY: S.BACKOFF, P.FAIL: S.FAILED},
    S.RUNNING: {P.STOP: S.STOPPING, P.RETRY: S.BACKOFF, P.FAIL: S.FAILED},
    S.STOPPING: {P.ENDED: S.WAITING, P.HALTED: S.STOPPED, P.TURNED_OFF: S.DISABLED,
                 P.RETRY: S.BACKOFF, P.FAIL: S.FAILED},
    S.BACKOFF: {P.RESOLVE: S.WAITING, P.TURNED_OFF: S.DISABLED, P.HALTED: S.STOPPED},
    S.FAILED: {P.RESOLVE: S.WAITING, P.REJECT: S.UNRESOLVED, P.TURNED_OFF: S.DISABLED,
               P.HALTED: S.STOPPED},
    S.STOPPED: {P.RESOLVE: S.WAITING},
}

LIVE = frozenset({S.STARTING, S.RUNNING, S.STOPPING})
"""States in which a task of the plugin exists."""


class IllegalStep(Exception):
    """A defect of the kernel: the table has no such transition."""


def after(state: State, step: Step) -> State:
    """The state that follows. Raises `IllegalStep`."""
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalStep(f"{step.value!r} is not possible in state {state.value!r}") from None
