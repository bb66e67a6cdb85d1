"""What can be wrong with bytes from the other side."""

from __future__ import annotations


class WireError(Exception):
    """The other side sent what is not XMPP; the stream cannot go on.

    `condition` is the stream error to answer with (RFC 6120, section 4.9.3).
    """

    def __init__(self, condition: str, message: str) -> None:
        self.condition = condition
        super().__init__(message)


class BadJID(ValueError):
    """A text is not an XMPP address; the message says why, in a sentence."""


class BadStamp(ValueError):
    """A text is not a date and time of XEP-0082."""
