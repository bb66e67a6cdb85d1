"""Set up, yield, tear down. What is registered through `ctx` is taken back when the plugin stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou import Context

from tulou_example_card.cards import ExampleCardService
from tulou_example_card.contract import ExampleCards
from tulou_example_card.pages import ExampleCardPages


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """One life of the plugin; state belongs in here, never in a module."""
    cards = ExampleCardService(ctx.config.command)
    ctx.provide(ExampleCards, cards)
    ctx.implement(cards, ExampleCardPages())
    yield
