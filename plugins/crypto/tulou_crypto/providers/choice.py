"""Which provider is used: the one that the settings name, else the first that can be had."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tulou_contracts.crypto import CryptoError, Primitives

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "tulou.crypto_providers"
PREFERRED = ("cryptography", "pycryptodome")
"""The quicker one first. A third party's is taken only when the settings name it."""


def choose(name: str, log: logging.Logger) -> Primitives:
    """The provider called `name`, or with "auto" the best that loads. Raises `CryptoError`."""
    found = {each.name: each for each in installed()}
    if name != "auto":
        if name not in found:
            raise CryptoError(
                f"there is no provider of cryptography called {name!r}; installed are"
                f" {', '.join(sorted(found)) or 'none'}: set provider in [plugins.crypto.config]")
        return _load(found[name])
    for each in PREFERRED:
        if each in found:
            try:
                return _load(found[each])
            except CryptoError as error:
                log.debug("%s", error)
    raise CryptoError("no provider of cryptography can be loaded; install tulou-crypto again")


def installed() -> EntryPoints:
    """All providers that some distribution names."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _load(entry: EntryPoint) -> Primitives:
    try:
        provider: Primitives = entry.load()()
    except ImportError as error:
        raise CryptoError(
            f"the provider of cryptography {entry.name!r} needs a library that is not here"
            f" ({error.name or error}); for 'cryptography' install tulou-crypto[fast]") from None
    return provider
