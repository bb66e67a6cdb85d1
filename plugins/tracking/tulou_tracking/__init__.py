"""The room that counts what happens: events by a table, kept until reported, with consent only."""

from tulou import Command, Level, Plugin, PluginControl
from tulou_contracts.company import Company
from tulou_contracts.identity import Identity
from tulou_contracts.network import HttpClient
from tulou_contracts.network_state import NetworkMonitor
from tulou_contracts.storage import Storage
from tulou_contracts.tracking import Tracker, TrackingControl
from tulou_contracts.ui import Notices

plugin = Plugin(
    name="tracking",
    version="0.1.0",
    summary="Events by a table, kept until reported, and only with consent",
    level=Level.BASE,
    requires=(Storage,),
    wants=(Company, HttpClient, Identity, NetworkMonitor, Notices, PluginControl),
    provides=(Tracker, TrackingControl),
    grants=("company.report", "tracking.manage"),
    config="tulou_tracking.config:Config",
    run="tulou_tracking.service:run",
    commands=(Command("tracking", "what is tracked, and consent to it", "tulou_tracking.command:main"),),
)
