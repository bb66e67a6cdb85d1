"""The plugin's life: the component connects, and connects again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tulou.context import Context
from tulou.errors import TulouError
from tulou_contracts.server import SignalHost
from tulou_server.component.config import Config
from tulou_server.component.link import Component


class NoSecret(TulouError):
    """The component's secret is not set, or cannot be read."""


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Provide the host of signals; it is there before the server is."""
    config: Config = ctx.config
    secret = config.secret
    if config.secret_file:
        secret = await trio.to_thread.run_sync(_read, Path(config.secret_file).expanduser())
    if not secret:
        raise NoSecret(
            "the component has no secret: set `secret` or `secret_file` under [plugins.component.config] to"
            " what the server's configuration says"
        )
    component = Component(config, secret, ctx.log, ctx.random)
    ctx.provide(SignalHost, component)
    ctx.spawn(component.run, name="component")
    yield


def _read(file: Path) -> str:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoSecret(f"the component's secret cannot be read from {file}: {error}") from None
    return lines[0].strip() if lines else ""
