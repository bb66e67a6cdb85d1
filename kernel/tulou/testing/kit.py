"""Booting a kernel in a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tulou.composition import Composition
from tulou.context import Context
from tulou.kernel import Kernel
from tulou.plugin import Level, Plugin

EPOCH = 1_767_225_600_000_000
"""Where virtual time begins: 2026-01-01 00:00 UTC, in microseconds."""


def virtual_now() -> Callable[[], int]:
    """A wall clock that follows trio's clock, virtual or not; call it inside a running loop."""
    start = trio.current_time()
    return lambda: EPOCH + round((trio.current_time() - start) * 1e6)


def fake(contract: type, provider: Any, *, name: str = "", rank: int = 0) -> Plugin:
    """A plugin that does nothing but provide `provider` for `contract`."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.provide(contract, provider, rank=rank)
        yield

    label = name or f"fake-{contract.__name__.lower()}"
    return Plugin(name=label, run=run, provides=(contract,), level=Level.BASE)


@asynccontextmanager
async def boot(
    *plugins: Plugin | str, fakes: Mapping[type, Any] | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None, profile: Path | None = None,
    essential: Iterable[str] = (), seed: int = 0, watch: float = 0,
) -> AsyncIterator[Kernel]:
    """Run a kernel with these plugins (manifests, or names of installed ones) inside the block.

    `fakes`: contract -> object that provides it; `config`: plugin name -> settings; `watch`:
    seconds after which a blocked loop is reported (0: never). Time follows trio's clock, and
    `Context.random` is seeded.
    """
    given = [each for each in plugins if isinstance(each, Plugin)]
    given += [fake(contract, provider) for contract, provider in (fakes or {}).items()]
    names = [each for each in plugins if isinstance(each, str)] + [each.name for each in given]
    composition = Composition.of(*names)._replace(essential=frozenset(essential))
    for name, table in (config or {}).items():
        composition = composition.with_config(name, **table)
    kernel = Kernel(composition, profile=profile, plugins=given, now=virtual_now(), seed=seed,
                    blocked_after=watch)
    async with kernel.running():
        yield kernel


def states(kernel: Kernel) -> dict[str, str]:
    """Plugin name -> state, as plain texts."""
    return {each.name: each.state.value for each in kernel.status()}
