"""What the room `crypto` raises."""

from tulou.errors import TulouError


class CryptoError(TulouError):
    """A secret cannot be read or written, or a text does not authenticate."""
