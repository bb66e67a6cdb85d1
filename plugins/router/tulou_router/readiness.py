"""Whether it is safe to follow an address now: who could have something against it is there.

Pure: it reads plugins' states and what was registered before, and tells whom there is to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

WAITING, STARTING, RUNNING, STOPPING, BACKOFF = "waiting", "starting", "running", "stopping", "backoff"
FAILED = frozenset({"failed", BACKOFF})
_HELPLESS = frozenset({"failed", "unresolved", "stopped"})
ON_THE_WAY = frozenset({WAITING, STARTING, STOPPING, BACKOFF})


class Standing(NamedTuple):
    """How a plugin stands, and which contracts it needs and offers."""

    state: str
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()


def still_starting(plugins: Mapping[str, Standing], *, first: bool) -> list[str]:
    """Plugins that may yet register something.

    At the first start those count too that wait for another, unless it will not come: a plugin that
    failed must not hold up every address behind it.
    """
    starting = {name for name, each in plugins.items() if each.state == STARTING}
    return sorted(starting | _coming(plugins) if first else starting)


def _coming(plugins: Mapping[str, Standing]) -> set[str]:
    """Those that wait, and whose requirements are all there or coming themselves."""
    coming = {name for name, each in plugins.items() if each.state == WAITING}
    while True:
        offered = {
            contract for name, each in plugins.items()
            if each.state in (RUNNING, STARTING) or name in coming for contract in each.provides
        }
        hopeless = {name for name in coming if not set(plugins[name].requires) <= offered}
        if not hopeless:
            return coming
        coming -= hopeless


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
