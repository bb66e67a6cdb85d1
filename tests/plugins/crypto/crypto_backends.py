"""Backends as the library `keyring` has them: good ones, and some of every bad kind."""

from __future__ import annotations

import threading

from tulou_crypto.system import Backend, SystemKeyring


class DictBackend:
    """A good one; it counts calls."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.calls = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.calls += 1
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.calls += 1
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.calls += 1
        del self.held[service, username]


class MoodyBackend(DictBackend):
    """Good while `broken` is false."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.broken:
            raise RuntimeError("locked")
        return super().get_password(service, username)


class RaisingBackend(DictBackend):
    """Fails, and quotes the secret in its error."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("no D-Bus here")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"cannot store {password}")


class LyingBackend(DictBackend):
    """Keeps nothing and says nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return None


class HangingBackend(DictBackend):
    """Does not answer until `release` is set; then it does what it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.release.wait()
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.release.wait()
        super().set_password(service, username, password)


def system_on(backend: Backend | None, deadline: float = 10.0) -> SystemKeyring:
    """A SystemKeyring that has found this backend (or none), so that only its calls take time."""
    name = "the system keyring (test)"
    system = SystemKeyring(deadline, lambda: None if backend is None else (backend, name))
    if backend is not None:
        system._backend, system.name, system._looked = backend, name, True
    return system
