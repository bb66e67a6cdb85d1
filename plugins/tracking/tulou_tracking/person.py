"""Who the events are of, as far as anybody may know: keyed hashes with keys that stay on this device."""

from __future__ import annotations

from hashlib import blake2b

from tulou_contracts.tracking import Consent

DAY = 86_400_000_000
"""Microseconds."""


class Person:
    """Samples and pseudonyms of one profile.

    `sampling` is a secret that lasts, so that who is in a sample stays in it; it never leaves.
    `rotating` is replaced at every turn and then forgotten: what left under the former one can be
    linked to this device by nobody, nor by us.
    """

    def __init__(self, sampling: bytes, rotating: bytes) -> None:
        self._sampling = sampling
        self.rotate(rotating)

    def rotate(self, key: bytes) -> None:
        """Use another key for pseudonyms from now on."""
        self._rotating = key
        self._known: dict[str, str] = {}

    def sampled(self, user: str, event: str, share: float) -> bool:
        """Whether this user is among the `share` (0 to 1) whose events of this name are kept."""
        if share >= 1:
            return True
        drawn = blake2b(f"{user}\0{event}".encode("utf-8", "surrogatepass"), digest_size=8,
                        key=self._sampling)
        return int.from_bytes(drawn.digest(), "big") < share * 2.0**64

    def pseudonym(self, text: str) -> str:
        """What stands for `text` until the key is another one."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) > 1000:
                self._known.clear()
            found = self._known[text] = blake2b(
                text.encode("utf-8", "surrogatepass"), digest_size=12, key=self._rotating).hexdigest()
        return found


def turn(now_us: int, days: int) -> int:
    """Which turn of the rotating key a moment belongs to."""
    return now_us // (days * DAY)


def narrower(new: Consent, old: Consent) -> bool:
    """Whether a choice lets less out than the one before, so that what waits must go."""
    order = (Consent.OFF, Consent.ANONYMOUS, Consent.FULL)
    return order.index(new) < order.index(old)
