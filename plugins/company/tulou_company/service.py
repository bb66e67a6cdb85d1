"""The plugin's life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tulou.context import Context


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Nothing is offered yet."""
    yield
