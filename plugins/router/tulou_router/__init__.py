"""Tulou's router: routes of plugins and of the company, guarded, to pages and functions."""

from tulou import Command, Level, Plugin, PluginControl
from tulou_contracts.company import Company
from tulou_contracts.identity import Identity
from tulou_contracts.routing import Presenter, Router
from tulou_contracts.storage import Maintenance

plugin = Plugin(
    name="router",
    version="0.1.0",
    summary="Addresses to pages and functions: registered, pushed, guarded",
    level=Level.BASE,
    wants=(Identity, Company, Presenter, Maintenance, PluginControl),
    provides=(Router,),
    config="tulou_router.config:Config",
    run="tulou_router.service:run",
    commands=(
        Command("routes", "the addresses of an app, as a list or a graph", "tulou_router.listing:main"),
    ),
)
