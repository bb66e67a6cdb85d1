"""What an author is told who made a mistake: which plugin, where, and what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tulou import Composition, Context, Kernel, Kind, ManifestError, Plugin, hook, implements
from tulou.testing import boot


@hook(Kind.COLLECT)
def said(draft: str, where: str) -> None:
    """Something was said."""


async def reason(run: Any, **settings: Any) -> str:
    async with boot(Plugin(name="mine", run=run, **settings)) as kernel:
        return kernel.status()[0].reason


@pytest.mark.parametrize("settings, words", [
    ({"requires": ("Messenger",)}, "requires holds 'Messenger', which is no type or Needs"),
    ({"provides": ("Service",)}, "provides holds 'Service', which is no type"),
    ({"grants": (1,)}, "grants holds 1, which is no str"),
    ({"level": "FEATURE"}, "level='FEATURE' should be a Level"),
    ({"wants": dict}, r"as in wants=\(dict,\)"),
])
def test_a_manifest_with_entries_of_the_wrong_type(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match=f"plugin 'mine'.*{words}"):
        Plugin(name="mine", run="m:run", **settings)


async def test_run_without_its_decorator_or_its_yield() -> None:
    async def bare(ctx: Context) -> AsyncIterator[None]:
        yield

    async def no_yield(ctx: Context) -> None:
        pass

    @asynccontextmanager  # type: ignore[arg-type]
    async def decorated_without_yield(ctx: Context) -> None:
        pass
    assert "put @asynccontextmanager above it" in await reason(bare)
    assert "it has no yield" in await reason(no_yield)
    assert "it has no yield" in await reason(decorated_without_yield)


async def test_spawning_the_result_of_a_call() -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.spawn(trio.sleep(1))  # type: ignore[arg-type]
        yield
    assert "ctx.spawn(work, 1), not the result of a call" in await reason(run)


async def test_asyncio_in_a_plugin() -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        import asyncio
        await asyncio.sleep(1)
        yield
    assert "Tulou runs on trio" in await reason(run)


async def test_a_hook_parameter_that_does_not_exist() -> None:
    class Mine:
        @implements(said)
        def said(self, darft: str) -> None:
            """Misspelled."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(Mine())
        yield
    text = await reason(run)
    assert "Mine.said (" in text and "test_kernel_messages.py:" in text
    assert "takes 'darft', which the hook 'said' does not have; did you mean 'draft'?" in text


async def test_a_class_instead_of_an_instance() -> None:
    class Mine:
        @implements(said)
        def said(self) -> None:
            """Fine."""

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(Mine)
        yield
    assert "pass an instance, Mine()" in await reason(run)


async def test_the_log_says_where_it_failed_and_what_happens_next(
    autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        async def work() -> None:
            raise KeyError("seconds")
        ctx.spawn(work)
        yield
    async with Kernel(Composition.of("mine"), plugins=[Plugin(name="mine", run=run)],
                      blocked_after=0).running():
        await trio.sleep(60)
    lines = [each.getMessage() for each in caplog.records if each.name == "tulou.kernel"]
    assert "plugin 'mine' failed while running: KeyError: 'seconds'" in lines[0]
    assert "(kernel/test_kernel_messages.py:" in lines[0]
    assert "in work); it is started again in" in lines[0] and "attempt 1 of 3" in lines[0]
    assert lines[-1].endswith("given up") and len(lines) == 4
