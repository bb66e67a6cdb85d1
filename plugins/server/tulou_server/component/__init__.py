"""A component beside another server (XEP-0114): signals for services where Prosody or ejabberd serves."""

from __future__ import annotations

from tulou import Level, Plugin
from tulou_contracts.server import SignalHost

plugin = Plugin(
    name="component",
    summary="Lets services beside Prosody or ejabberd answer that server's clients (XEP-0114)",
    level=Level.CORE,
    provides=(SignalHost,),
    config="tulou_server.component.config:Config",
    run="tulou_server.component.service:run",
    version="0.1.0",
)
