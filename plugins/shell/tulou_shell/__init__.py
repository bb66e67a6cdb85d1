"""Shell: the web app people see. The manifest."""

from __future__ import annotations

from tulou import Command, Level, Plugin, PluginControl
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.network import HttpHost
from tulou_contracts.network_state import NetworkMonitor
from tulou_contracts.routing import Presenter, Router
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import Transport
from tulou_contracts.ui import Notices, Shell

# Only the host is required: without messaging or identity the page still opens and says what is
# missing, and it keeps running while one of them is restarted.
plugin = Plugin(
    name="shell",
    version="0.1.0",
    summary="The web app people see",
    level=Level.SHELL,
    requires=(HttpHost,),
    wants=(Identity, Messenger, Transport, Router, NetworkMonitor, Tracker, PluginControl),
    provides=(Shell, Notices, Presenter),
    grants=(
        "messages.read", "messages.send", "account.manage", "contacts.manage", "shell.open", "routes.open",
    ),
    config="tulou_shell.config:Config",
    run="tulou_shell.service:run",
    commands=(
        Command("demo", "try it: a chat server and two people on this machine", "tulou_shell.demo:main"),
        Command("open", "open the app: the accounts of this machine", "tulou_shell.launcher:main"),
        Command("scheme", "have the desktop open tulou:// links with this app", "tulou_shell.scheme:main"),
        Command("link", "print a fresh entry link to a running profile", "tulou_shell.link:main"),
    ),
)
