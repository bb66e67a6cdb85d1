"""What the router remembers belongs into the profile's backups, where somebody makes them."""

from __future__ import annotations

from tulou.context import Context
from tulou.flow import Signal
from tulou_contracts.storage import Maintenance, StorageError


async def keep_in_backups(ctx: Context) -> None:
    """Name our folder to whoever makes backups, now or when they come; for as long as the plugin runs."""
    keeper = ctx.wanted(Maintenance)
    changed = Signal()
    changed.set()
    end_watch = keeper.watch(changed.set)
    try:
        while True:
            await changed.wait()
            maintenance = keeper.get()
            if maintenance is not None:
                try:
                    await maintenance.include(ctx.data)
                except StorageError as error:
                    ctx.log.warning("backups will not hold the routes that are remembered: %s", error)
    finally:
        end_watch()
