"""The system's keyring (Secret Service, KWallet, Keychain, Windows vault) through `keyring`.

Its calls block, and may do so for ever: behind a locked keyring there is a person, behind D-Bus
anything. So they run in a thread, one at a time and in order, and are waited for until a deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import trio

T = TypeVar("T")


class Backend(Protocol):
    """What is used of a backend of the library `keyring`."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class SystemFailed(Exception):
    """The system's keyring did not do it; the text never holds a secret."""


class SystemKeyring:
    """One profile's way to the system's keyring; entries are told apart by `service`."""

    def __init__(self, deadline: float, find: Callable[[], tuple[Backend, str] | None] | None = None) -> None:
        self.name = ""
        self._deadline = deadline
        self._find = find or find_backend
        self._backend: Backend | None = None
        self._looked = False
        # A thread that was given up keeps its token until it really ends. So a call that comes
        # late never overtakes a newer one, and while one hangs nobody starts another.
        self._one = trio.CapacityLimiter(1)
        self._hangs = False

    async def there(self) -> bool:
        """Whether there is one. Raises `SystemFailed` when that cannot be found out in time."""
        if not self._looked:
            found = await self._in_thread(self._find)
            if found is not None:
                self._backend, self.name = found
            self._looked = True
        return self._backend is not None

    async def get(self, service: str, name: str) -> str | None:
        """A secret, or None. Raises `SystemFailed`."""
        return await self._in_thread(lambda: self._ready().get_password(service, name))

    async def set(self, service: str, name: str, secret: str) -> None:
        """Keep a secret, and see that it is kept. Raises `SystemFailed`."""

        def work() -> bool:
            backend = self._ready()
            backend.set_password(service, name, secret)
            return backend.get_password(service, name) == secret

        if not await self._in_thread(work):
            raise SystemFailed(f"{self.name} did not give back what it was given")

    async def delete(self, service: str, name: str) -> None:
        """Forget a secret, if it is there. Raises `SystemFailed`."""

        def work() -> None:
            backend = self._ready()
            # Backends differ in what they raise for a name they do not know.
            if backend.get_password(service, name) is not None:
                backend.delete_password(service, name)

        await self._in_thread(work)

    def _ready(self) -> Backend:
        assert self._backend is not None, "there() comes first"
        return self._backend

    async def _in_thread(self, work: Callable[[], T]) -> T:
        label = self.name or "the system keyring"
        if self._hangs and not self._one.available_tokens:
            raise SystemFailed(f"{label} still has not answered; is it locked?")
        self._hangs = False
        with trio.move_on_after(self._deadline):
            try:
                return await trio.to_thread.run_sync(
                    _quietly, work, abandon_on_cancel=True, limiter=self._one)
            except _BackendError as error:
                raise SystemFailed(_in_words(label, str(error))) from None
        self._hangs = True
        raise SystemFailed(
            f"{label} did not answer within {self._deadline:g} seconds; unlock it and try again")


class _BackendError(Exception):
    pass


def _in_words(label: str, kind: str) -> str:
    if "Locked" in kind:
        return f"{label} is locked; unlock it and try again"
    return f"{label} answered with an error ({kind})"


def _quietly(work: Callable[[], T]) -> T:
    """Run `work`; of an error keep only the type's name, for its text may quote the secret."""
    try:
        return work()
    except Exception as error:
        kind = type(error).__name__
    raise _BackendError(kind)


def find_backend() -> tuple[Backend, str] | None:
    """The system's best backend and its name in words, or None when there is no real one.

    Not taken: those that keep nothing (fail, null), and the alternative ones of ``keyrings.alt``,
    which keep secrets in plain files or ask for a password on the terminal.
    """
    import keyring

    backend = keyring.get_keyring()
    chained = getattr(backend, "backends", None)
    for each in chained if chained is not None else [backend]:
        module = type(each).__module__
        untrusted = module.startswith(("keyring.backends.fail", "keyring.backends.null", "keyrings.alt"))
        if not untrusted and "plaintext" not in type(each).__name__.lower() and each.priority >= 1:
            return each, f"the system keyring ({module.rpartition('.')[2]})"
    return None
