"""The client's side of an XMPP session, sans-IO: elements in, frames and events out."""

from tulou_xmpp.session.core import NotReady, Session, TooLarge
from tulou_xmpp.session.login import Login, Purpose
from tulou_xmpp.session.states import State

__all__ = ["Login", "NotReady", "Purpose", "Session", "State", "TooLarge"]
