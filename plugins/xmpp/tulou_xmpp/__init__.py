"""The wire: XMPP over WebSocket (RFC 7395) or TCP (RFC 6120), with resumption and archive."""

from tulou import Level, Plugin
from tulou_contracts.identity import Authenticator, Credentials
from tulou_contracts.network import HttpClient, WebSocketConnector
from tulou_contracts.network_state import NetworkClock
from tulou_contracts.tcp import Resolver, TcpConnector
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import Signalling, Transport

plugin = Plugin(
    name="xmpp",
    summary="The connection with the XMPP server: resumes, reconnects, loses nothing",
    level=Level.CORE,
    version="0.1.0",
    requires=(WebSocketConnector, Credentials),
    wants=(TcpConnector, Resolver, HttpClient, NetworkClock, Tracker),
    provides=(Transport, Signalling, Authenticator),
    grants=("credentials.use",),
    config="tulou_xmpp.config:Config",
    run="tulou_xmpp.service:run",
)
