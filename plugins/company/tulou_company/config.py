"""Settings of the plugin `company`. Times are in seconds, sizes in bytes."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from tulou_company.private import is_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Which company this product belongs to, and how its documents are fetched."""

    root_keys: list[str] = field(default_factory=list)
    """Public keys that may sign documents, as `tulou company-service root-key` prints them. Empty: no
    company. Several: while one takes over from the other."""
    audience: str = "tulou"
    """Which product this is; only documents for it count."""
    url: str = ""
    """Where the service is, ``https://...``; empty: where it says itself when the token is asked for."""
    service: str = ""
    """Whom to ask for a token: the component's name, e.g. ``company.acme.example``; empty: our server."""
    poll: float = 900.0
    """How often to look for other documents, besides word by the wire; each time a fifth less or more."""
    spread: float = 3.0
    """After word by the wire, a client waits up to so long: they all get it at once."""
    timeout: float = 30.0
    """How long the service may take for an answer."""
    max_document: int = 2 << 20
    """The largest signed text that is looked at."""
    threads: bool = True
    """Check what is kept, and write the status file, in threads. False does it inside the event loop:
    for simulations on a virtual clock."""

    def __post_init__(self) -> None:
        faults = []
        for number, key in enumerate(self.root_keys):
            try:
                good = len(base64.b64decode(key, validate=True)) >= 16
            except (binascii.Error, ValueError):
                good = False
            if not good:
                faults.append(
                    f"root_keys[{number}] = {key[:60]!r} is no public key in base64; copy what"
                    " `tulou company-service root-key` prints"
                )
        for name, least in (("poll", 1.0), ("spread", 0.0), ("timeout", 0.1), ("max_document", 1024)):
            if not getattr(self, name) >= least:
                faults.append(f"{name} = {getattr(self, name)} is too small; {least} is the least")
        if not self.audience:
            faults.append("audience is empty; name the product, as the service's configuration does")
        if self.url and not is_private(self.url):
            faults.append(f"url = {self.url!r} must begin with https:// (http:// only on this machine)")
        if faults:
            raise ValueError(*faults)
