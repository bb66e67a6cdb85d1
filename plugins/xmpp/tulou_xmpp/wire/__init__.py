"""XMPP on the wire, as a pure library: no I/O, no clock, no task. Usable by either side.

`Element` is the one data type; `FrameParser`, `StreamParser` and `serialise` turn it from and into
text; `jid`, `stamps`, `scram` and `acks` hold the arithmetic of their specifications.
"""

from tulou_xmpp.wire.element import Element
from tulou_xmpp.wire.errors import WireError
from tulou_xmpp.wire.jid import JID
from tulou_xmpp.wire.parser import FrameParser, StreamClosed, StreamOpened, StreamParser
from tulou_xmpp.wire.serialiser import serialise

__all__ = [
    "Element",
    "FrameParser",
    "JID",
    "StreamClosed",
    "StreamOpened",
    "StreamParser",
    "WireError",
    "serialise",
]
