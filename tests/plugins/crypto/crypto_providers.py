"""The providers that are installed here."""

from __future__ import annotations

from importlib.util import find_spec

from tulou_contracts.crypto import Primitives
from tulou_crypto.providers.pycryptodome import Pycryptodome

PROVIDERS: list[type[Primitives]] = [Pycryptodome]
"""All that can be had: `cryptography` is an extra."""

if find_spec("cryptography"):
    from tulou_crypto.providers.pyca import Pyca

    PROVIDERS.append(Pyca)
