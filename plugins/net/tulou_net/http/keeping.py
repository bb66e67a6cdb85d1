"""Keeps the chain in step with the app: plugins, accounts and networks come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tulou.app_events import AccountChanged, LowMemory, NetworkChanged, PluginChanged
from tulou.context import Context
from tulou.flow import Signal
from tulou_contracts.network import HttpContribution, HttpSignIn, contribute_http

from tulou_net.http.client import RequestsClient
from tulou_net.proxies import Proxies


def keep_chain(ctx: Context, client: RequestsClient, proxies: Proxies) -> None:
    """Watch for as long as the plugin runs."""
    keeper = ChainKeeper(ctx, client)

    def on_network(event: NetworkChanged) -> None:
        proxies.forget()
        client.ask_again()

    ctx.subscribe(PluginChanged, lambda event: keeper.look_again.set())
    ctx.subscribe(AccountChanged, lambda event: client.forget())
    ctx.subscribe(LowMemory, lambda event: client.forget())
    ctx.subscribe(NetworkChanged, on_network)
    ctx.spawn(keeper.run, name="http chain")


class ChainKeeper:
    """Asks for contributions again whenever a plugin comes or goes."""

    def __init__(self, ctx: Context, client: RequestsClient) -> None:
        self._ctx = ctx
        self._client = client
        self._now: list[HttpContribution] = []
        self._reported: set[str] = set()
        self.look_again = Signal()
        self.look_again.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look_again.wait()
            good, problems = sorted_out(await self._ctx.hook(contribute_http)())
            for problem in problems:
                if problem not in self._reported:
                    self._ctx.log.error("a contribution to HTTP is passed over: %s", problem)
            self._reported.update(problems)
            if good != self._now:  # a chain made anew forgets which tokens were refused
                self._now = good
                self._client.contribute(good)


def sorted_out(answers: Iterable[Sequence[object]]) -> tuple[list[HttpContribution], list[str]]:
    """What can be used of the hook's answers, in order, and what is wrong with the rest."""
    good: list[HttpContribution] = []
    problems: list[str] = []
    for answer in answers:
        if not isinstance(answer, (list, tuple)):
            problems.append(f"{answer!r} is no sequence")
            continue
        for each in answer:
            if isinstance(each, HttpSignIn) or (
                isinstance(getattr(each, "name", None), str) and callable(getattr(each, "exchange", None))
            ):
                good.append(each)
            else:
                problems.append(f"{each!r} is neither a sign-in nor a plugin with a name and `exchange`")
    return good, problems
