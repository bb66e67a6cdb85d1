"""Start an app once and stop it again, to look at what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import trio

from tulou.composition import Composition
from tulou.errors import TulouError
from tulou.kernel import Kernel
from tulou.status import PluginStatus


class Booted(NamedTuple):
    """`manifests` and `total`: seconds for loading manifests and settings, and until all had settled.

    `failure`: why the app as a whole did not start, else empty.
    """

    plugins: list[PluginStatus]
    missing: dict[str, str]
    manifests: float
    total: float
    failure: str


def boot_once(composition: Composition, profile: Path | None = None) -> Booted:
    """On a temporary profile if none is given. Raises `CompositionError`, `ProfileLocked`."""
    begin = time.perf_counter()
    kernel = Kernel(composition, profile=profile)
    made = time.perf_counter()
    plugins: list[PluginStatus] = []
    settled = made
    failure = ""

    async def once() -> None:
        nonlocal settled
        async with kernel.running():
            settled = time.perf_counter()
            plugins.extend(kernel.status())

    try:
        trio.run(once)
    except TulouError as error:
        failure = str(error)
    except BaseExceptionGroup as group:
        ours, others = group.split(TulouError)
        if others is not None or ours is None:
            raise
        failure = "\n".join(map(str, ours.exceptions))
    return Booted(plugins or kernel.status(), kernel.missing(), made - begin, settled - begin, failure)
