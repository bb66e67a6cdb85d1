"""Set up, yield, tear down. What is registered through `ctx` is taken back when the plugin stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou import Context
from tulou_contracts.tracking import Tracker

from tulou_example_card.events import ExampleCardEvents
from tulou_example_card.greetings import ExampleCardService
from tulou_example_card.pages import ExampleCardPages


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """One life of the plugin; state belongs in here, never in a module."""
    service = ExampleCardService(ctx.config.kept, ctx.now, ctx.log, ctx.wanted(Tracker).get)
    ctx.implement(ExampleCardPages(service), ExampleCardEvents())
    yield
