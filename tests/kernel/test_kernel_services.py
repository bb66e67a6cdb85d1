"""Services: checked when registered, reached only when declared, guarded by grants, told when gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest

from tulou import Context, NotDeclared, NotGranted, Plugin, ServiceGone, Wanted, needs_grant
from tulou.services import mismatches
from tulou.testing import boot, fake, states


class Mail(Protocol):
    """Sends mail."""

    address: str

    async def read(self) -> str:
        """Anybody may."""

    @needs_grant("mail.send")
    async def send(self, text: str) -> str:
        """Not anybody."""


class Post:
    def __init__(self, address: str = "post") -> None:
        self.address = address

    async def read(self) -> str:
        return "read"

    async def send(self, text: str) -> str:
        return "sent " + text


def user(name: str, store: dict[str, Any], **settings: Any) -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        store[name] = ctx
        yield
    return Plugin(name=name, run=run, **settings)


@pytest.mark.parametrize("provider, words", [
    (object(), "it has no 'address'"),
    (type("NoSend", (), {"address": "", "read": Post.read})(), "it has no 'send'"),
    (type("NotAsync", (Post,), {"send": lambda self, text: text})(), "its send() is not async"),
    (type("Parameter", (Post,), {"read": Post.read, "send": Post.read})(), "lacks the parameter 'text'"),
    (type("NotCallable", (Post,), {"send": 3})(), "is not callable"),
])
def test_what_does_not_fulfil_a_contract_is_refused_in_words(provider: object, words: str) -> None:
    assert any(words in each for each in mismatches(Mail, provider))


def test_what_fulfils_a_contract_is_accepted() -> None:
    assert mismatches(Mail, Post()) == []


async def test_a_mismatch_fails_the_plugin_that_offers_it() -> None:
    async with boot(fake(Mail, object(), name="bad")) as kernel:
        [status] = kernel.status()
        assert status.state.value == "failed"
        assert "plugin 'bad' offers object" in status.reason and "it has no 'send'" in status.reason


async def test_a_promise_that_is_not_kept_fails_the_plugin() -> None:
    async with boot(user("forgetful", {}, provides=(Mail,))) as kernel:
        assert "came to its yield without ctx.provide" in kernel.status()[0].reason


async def test_the_highest_rank_is_served_and_all_can_be_listed() -> None:
    contexts: dict[str, Any] = {}
    async with boot(user("u", contexts, requires=(Mail,)), fake(Mail, Post("low"), name="low"),
                    fake(Mail, Post("high"), name="high", rank=5)) as kernel:
        ctx: Context = contexts["u"]
        assert ctx.service(Mail).address == "high"
        assert [each.address for each in ctx.services(Mail)] == ["high", "low"]
        await kernel.disable("high")
        assert states(kernel)["u"] == "running"
        assert contexts["u"].service(Mail).address == "low", "it was started anew, on the other provider"


async def test_without_the_grant_a_method_is_refused_in_a_sentence() -> None:
    contexts: dict[str, Any] = {}
    async with boot(fake(Mail, Post()), user("may", contexts, requires=(Mail,), grants=("mail.send",)),
                    user("maynot", contexts, requires=(Mail,))):
        assert await contexts["may"].service(Mail).send("x") == "sent x"
        guarded = contexts["maynot"].service(Mail)
        assert await guarded.read() == "read"
        assert guarded.address == "post"
        refusal = "plugin 'maynot' may not call Mail.send: it lacks the grant 'mail.send'"
        with pytest.raises(NotGranted, match=refusal):
            await guarded.send("x")


async def test_the_composition_can_take_a_grant_away(tmp_path: Any) -> None:
    from tulou import Composition, Kernel
    contexts: dict[str, Any] = {}
    plugins = [fake(Mail, Post(), name="post"), user("u", contexts, requires=(Mail,), grants=("mail.send",))]
    composition = Composition.of("post", "u").with_plugin("u", grants=())
    async with Kernel(composition, plugins=plugins, blocked_after=0).running():
        with pytest.raises(NotGranted):
            await contexts["u"].service(Mail).send("x")


async def test_a_wanted_service_comes_and_goes_and_the_gone_one_is_named() -> None:
    contexts: dict[str, Any] = {}
    async with boot(user("u", contexts, wants=(Mail,)), fake(Mail, Post(), name="post")) as kernel:
        handle: Wanted[Mail] = contexts["u"].wanted(Mail)
        changes: list[bool] = []
        end = handle.watch(lambda: changes.append(bool(handle)))
        assert handle.require().address == "post"
        await kernel.disable("post")
        assert handle.get() is None
        with pytest.raises(ServiceGone, match="'post', which did, is not running"):
            handle.require()
        assert states(kernel)["u"] == "running", "a wanted service is never an order of start"
        await kernel.enable("post")
        assert handle.require().address == "post"
        end()
        assert changes == [False, True]


async def test_what_is_not_declared_cannot_be_reached_or_provided() -> None:
    contexts: dict[str, Any] = {}
    async with boot(fake(Mail, Post()), user("u", contexts)):
        for attempt, words in ((lambda c: c.service(Mail), "`requires`"),
                               (lambda c: c.wanted(Mail), "`wants`"),
                               (lambda c: c.provide(Mail, Post()), "`provides`")):
            with pytest.raises(NotDeclared, match=words):
                attempt(contexts["u"])


async def test_an_embedding_program_is_told_why_nobody_provides() -> None:
    async with boot(fake(Mail, object(), name="bad")) as kernel:
        with pytest.raises(ServiceGone, match="plugin 'bad' would, but it is failed"):
            kernel.service(Mail)


async def test_the_kernel_itself_tells_and_changes_what_became_of_plugins() -> None:
    from tulou import PluginControl
    contexts: dict[str, Any] = {}
    async with boot(user("page", contexts, wants=(PluginControl,)), fake(Mail, Post(), name="post"),
                    user("admin", contexts, wants=(PluginControl,), grants=("plugins.manage",))) as kernel:
        seen = contexts["page"].wanted(PluginControl).require()
        assert {each.name: each.state.value for each in seen.status()} == states(kernel)
        assert seen.missing() == {}
        with pytest.raises(NotGranted, match="plugins.manage"):
            await seen.disable("post")
        await contexts["admin"].wanted(PluginControl).require().disable("post")
        assert states(kernel)["post"] == "disabled"
