"""Settings of the plugin `crypto`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where secrets are kept, and what does the cryptography."""

    keyring: Literal["auto", "system", "file"] = "auto"
    """'system': only in the system's keyring; 'file': only in an encrypted file of the profile;
    'auto': in the system's keyring, and in the file when there is none or it does not answer."""
    key_file: str = ""
    """The file with the key of the encrypted file, e.g. on a removable or network drive; a relative
    path is taken from the plugin's data folder. Empty: ``key/keyring.key`` in that folder."""
    passphrase_from: str = ""
    """The name of an environment variable with a passphrase that the key of the encrypted file is put
    under, e.g. ``TULOU_PASSPHRASE``, set by whoever starts the app. Empty: no passphrase."""
    deadline: float = 10.0
    """How long the system's keyring may take for one answer, in seconds. A locked one asks the
    person for its password meanwhile."""
    threads: bool = True
    """Work in threads. False does all but the system's keyring inside the event loop: for simulations
    on a virtual clock, together with ``keyring = "file"``."""

    provider: str = "auto"
    """Which library does the cryptography: 'pycryptodome', 'cryptography' (quicker; comes with
    ``tulou-crypto[fast]``), or a third party's name. 'auto': the quickest of those two that is
    installed."""

    def __post_init__(self) -> None:
        if "=" in self.passphrase_from or "\0" in self.passphrase_from:
            raise ValueError(f"passphrase_from is {self.passphrase_from!r}, and no environment variable has"
                             " such a name; it takes the name, not the passphrase")
        if not self.deadline > 0:
            raise ValueError(f"deadline is {self.deadline}; it should be more than 0 seconds")
