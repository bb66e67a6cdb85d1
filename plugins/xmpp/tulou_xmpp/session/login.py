"""Who signs in, how, and what for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from tulou_xmpp.wire import JID


class Purpose(Enum):
    """What a connection is for."""

    SESSION = "session"
    VERIFY = "verify"      # only ask whether the password is right
    REGISTER = "register"  # make the account (XEP-0077)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who signs in and how. `plain` allows to send the password itself also where others could read it."""

    address: JID
    password: str = field(repr=False)
    resource: str
    plain: bool = False
    purpose: Purpose = Purpose.SESSION
