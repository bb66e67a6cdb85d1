"""Whether it is safe to follow an address now: who could have something against it is there.

Pure: it reads plugins' states and what was registered before, and tells whom there is to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

WAITING, STARTING, RUNNING, STOPPING, BACKOFF = "waiting", "starting", "running", "stopping", "backoff"
_HELPLESS = frozenset({"failed", "unresolved", "stopped"})
ON_THE_WAY = frozenset({WAITING, STARTING, STOPPING, BACKOFF})


def still_starting(states: Mapping[str, str], *, first: bool) -> list[str]:
    """Plugins that may yet register something; those that wait for another count at the first start."""
    counted = {STARTING, WAITING} if first else {STARTING}
    return sorted(name for name, state in states.items() if state in counted)


def absent(
    known: Mapping[str, str], here: Iterable[str], states: Mapping[str, str], missing: Iterable[str],
    complete: bool = True,
) -> dict[str, bool]:
    """Interceptors that were there once and are not, though nobody turned their plugin off on purpose.

    `known`: interceptor -> plugin. The answer: interceptor -> whether waiting may bring it back. Who
    disables a plugin, or takes it out of the composition, does so knowing what it does. With `complete`
    False a running plugin failed to say what it registers.
    """
    gone = set(known) - set(here)
    lost: dict[str, bool] = {}
    for name in sorted(gone):
        owner = known[name]
        state = states.get(owner, "")
        if state in ON_THE_WAY:
            lost[name] = True
        elif state in _HELPLESS or owner in missing or not owner or (state == RUNNING and not complete):
            lost[name] = False
    return lost


def forgotten(
    known: Mapping[str, str], here: Iterable[str], states: Mapping[str, str], missing: Iterable[str],
    complete: bool = True,
) -> set[str]:
    """Interceptors that need not be remembered any more."""
    return set(known) - set(here) - set(absent(known, here, states, missing, complete))
