"""Hooks: order, isolation, pipelines, and refusals that name the plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tulou import Context, HookError, Kind, Plugin, Prevent, Stage, hook, implements
from tulou.testing import boot


@hook(Kind.COLLECT)
def colours(where: str, shade: int) -> str | None:
    """Names of colours."""


@hook(Kind.FIRST)
async def owner(thing: str) -> str | None:
    """Who owns it."""


@hook(Kind.PIPELINE)
async def text(value: str) -> str | Prevent | None:
    """A text passes through."""


@hook(Kind.PIPELINE, strict=True)
async def strict_text(value: str) -> str | Prevent | None:
    """A text passes through, or nothing does."""


def implementer(name: str, *implementations: object, **settings: Any) -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(*implementations)
        yield
    return Plugin(name=name, run=run, **settings)


def colour(answer: str | None, **marks: Any) -> object:
    class Implementation:
        @implements(colours, **marks)
        def colours(self, shade: int) -> str | None:
            return answer and f"{answer}{shade}"
    return Implementation()


def texts(spec: Any, stage: Stage, answer: Any) -> object:
    async def implementation(self: object, value: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer(value) if callable(answer) else answer
    implementation.__name__ = spec.__name__
    return type("Implementation", (), {spec.__name__: implements(spec, stage=stage)(implementation)})()


async def test_collect_goes_by_start_order_and_tryfirst_and_skips_none() -> None:
    async with boot(
        implementer("b", colour("red")), implementer("a", colour("blue"), colour(None)),
        implementer("c", colour("green", tryfirst=True)), implementer("d", colour("last", trylast=True)),
    ) as kernel:
        assert await kernel.hook(colours)("sky", 7) == ["green7", "blue7", "red7", "last7"]
        assert await kernel.hook(colours)(where="sky", shade=1) == ["green1", "blue1", "red1", "last1"]


async def test_a_failing_implementation_is_named_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @implements(colours, tryfirst=True)
        async def colours(self, where: str) -> str:
            raise ValueError(f"no {where}")
    async with boot(implementer("broken", Broken()), implementer("fine", colour("red"))) as kernel:
        assert await kernel.hook(colours)("sky", 1) == ["red1"]
        assert {each.name: each.faults for each in kernel.status()} == {"broken": 1, "fine": 0}
    assert "plugin 'broken' failed in hook 'colours': ValueError: no sky" in caplog.text


async def test_first_stops_at_the_first_answer() -> None:
    calls = []

    def own(name: str, answer: str | None) -> object:
        class Implementation:
            @implements(owner)
            def owner(self, thing: str) -> str | None:
                calls.append(name)
                return answer
        return Implementation()
    async with boot(implementer("a", own("a", None)), implementer("b", own("b", "小王")),
                    implementer("c", own("c", "x"))) as kernel:
        assert await kernel.hook(owner)("car") == "小王"
        assert calls == ["a", "b"]


async def test_a_pipeline_runs_in_stages_whatever_the_order_of_plugins() -> None:
    seen = []
    async with boot(
        implementer("a", texts(text, Stage.OBSERVE, lambda v: seen.append(v) or "ignored")),
        implementer("b", texts(text, Stage.MODIFY, lambda v: v.upper())),
        implementer("c", texts(text, Stage.EXTEND, lambda v: v + "!")),
        implementer("d", texts(text, Stage.PREVENT, lambda v: Prevent("rude") if v == "bad" else None)),
    ) as kernel:
        assert await kernel.hook(text)("hi") == "HI!"
        assert seen == ["HI!"]
        assert await kernel.hook(text)("bad") == Prevent("rude", "d")
        assert seen == ["HI!"]


async def test_a_failure_in_a_pipeline_is_passed_over_unless_it_is_strict() -> None:
    broken = ValueError("broken")
    async with boot(
        implementer("a", texts(text, Stage.MODIFY, broken), texts(strict_text, Stage.MODIFY, broken)),
        implementer("b", texts(text, Stage.MODIFY, lambda v: v + "b")),
    ) as kernel:
        assert await kernel.hook(text)("x") == "xb"
        with pytest.raises(HookError, match="plugin 'a' failed in hook 'strict_text': broken"):
            await kernel.hook(strict_text)("x")


async def test_a_value_in_stage_prevent_is_a_fault_and_not_taken() -> None:
    async with boot(implementer("a", texts(text, Stage.PREVENT, "changed"))) as kernel:
        assert await kernel.hook(text)("x") == "x"
        assert kernel.status()[0].faults == 1


async def test_implementations_go_with_their_plugin() -> None:
    async with boot(implementer("a", colour("red")), implementer("b", colour("blue"))) as kernel:
        await kernel.disable("a")
        assert await kernel.hook(colours)("sky", 1) == ["blue1"]
        await kernel.enable("a")
        assert await kernel.hook(colours)("sky", 1) == ["red1", "blue1"]


async def test_wrong_parameters_and_names_are_refused_naming_the_plugin() -> None:
    class WrongParameter:
        @implements(colours)
        def colours(self, wheer: str) -> None:
            """Misspelled."""

    class WrongName:
        @implements(colours)
        def colors(self, where: str) -> None:
            """Misspelled."""

    class Nothing:
        pass

    for implementation, words in ((WrongParameter(), "wheer"), (WrongName(), "same name"),
                                  (Nothing(), "implements no hook")):
        async with boot(implementer("wrong", implementation)) as kernel:
            [status] = kernel.status()
            assert status.state.value == "failed"
            assert "'wrong'" in status.reason and words in status.reason


async def test_what_is_not_a_hook_cannot_be_called() -> None:
    async with boot(implementer("a", colour("red"))) as kernel:
        with pytest.raises(HookError, match="mark the specification"):
            kernel.hook(print)
