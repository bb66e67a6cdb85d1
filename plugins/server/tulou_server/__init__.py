"""The embedded chat server: XMPP over WebSocket for one domain, in this process."""

from __future__ import annotations

from tulou import Level, Plugin
from tulou_contracts.server import ChatServer, SignalHost
from tulou_contracts.storage import Storage

plugin = Plugin(
    name="server",
    summary="An XMPP server for one domain, over WebSocket",
    level=Level.CORE,
    requires=(Storage,),
    provides=(ChatServer, SignalHost),
    config="tulou_server.config:Config",
    run="tulou_server.service:run",
    version="0.1.0",
)
