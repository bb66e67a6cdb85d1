"""The wire: XMPP over WebSocket (RFC 7395) with resumption, archive, receipts and carbons."""

from tulou import Level, Plugin
from tulou_contracts.identity import Authenticator, Credentials
from tulou_contracts.network import WebSocketConnector
from tulou_contracts.network_state import NetworkClock
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import Signalling, Transport

plugin = Plugin(
    name="xmpp",
    summary="The connection with the XMPP server: resumes, reconnects, loses nothing",
    level=Level.CORE,
    version="0.1.0",
    requires=(WebSocketConnector, Credentials),
    wants=(NetworkClock, Tracker),
    provides=(Transport, Signalling, Authenticator),
    grants=("credentials.use",),
    config="tulou_xmpp.config:Config",
    run="tulou_xmpp.service:run",
)
