"""Tulou's router: routes of plugins and of the company, guarded, to pages and functions."""

from tulou import Level, Plugin

plugin = Plugin(
    name="router",
    version="0.1.0",
    summary="Addresses to pages and functions: registered, pushed, guarded",
    level=Level.BASE,
    run="tulou_router.service:run",
)
