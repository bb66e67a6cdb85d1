"""What a composition may set for the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the store."""

    threads: bool = True
    """Work in threads of the store's own. False runs everything inside the event loop, with the
    same promises: for simulations on a virtual clock, which must be deterministic."""

    readers: int = 3
    """Reader threads, each with a connection of its own; at least 1."""

    batch: int = 500
    """Most works that share one commit; at least 1."""

    quota_mb: int = 0
    """Largest size of the database in MiB, after which writes raise `StorageFull`; 0: the disk's."""

    check_seconds: float = 0.5
    """How long the check of the database may take when the app was not closed properly, in seconds;
    0 leaves it out. Damage that was met is always looked for, however long it takes."""

    encrypt: bool | None = None
    """Whether database and documents are encrypted, with a key that the keyring keeps. A profile of
    the other form is converted at the next start. Left out: it stays as it is; a new one is plain."""

    def __post_init__(self) -> None:
        faults = [
            f"store: {name} = {getattr(self, name)} must be at least {least}"
            for name, least in (("readers", 1), ("batch", 1), ("quota_mb", 0), ("check_seconds", 0))
            if getattr(self, name) < least
        ]
        if faults:
            raise ValueError(*faults)
