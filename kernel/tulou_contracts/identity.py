"""Identity: which account this profile is, and how it proves it.

`auth` provides `Identity` and `Credentials`; the transport provides `Authenticator`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from tulou import needs_grant
from tulou.errors import TulouError


class IdentityError(TulouError):
    """Base of what can be wrong with signing in."""


class AddressInvalid(IdentityError):
    """The account address is not of the form name@domain, or the password is empty."""


class WrongPassword(IdentityError):
    """The server refuses this address and password."""


class AccountTaken(IdentityError):
    """Registration: the name is taken."""


class RegistrationRefused(IdentityError):
    """Registration: the server does not allow it; the text has its reason."""


class ServerUnavailable(IdentityError):
    """The server cannot be reached or does not speak our protocol, so nothing is known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the profile belongs to: `address` is ``name@domain`` (a bare JID, RFC 7622)."""

    address: str
    endpoint: str = ""
    """Where its server is, e.g. ``wss://chat.example.org/ws`` or ``xmpp://chat.example.org:5222``; empty:
    where the configuration says, or where it is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An account and its password. The password never shows in a repr."""

    account: Account
    password: str = field(repr=False)


class Authenticator(Protocol):
    """Asks a server about credentials, without becoming the profile's connection."""

    async def verify(self, credential: Credential) -> None:
        """Returns when the server accepts. Raises `WrongPassword`, `ServerUnavailable`."""

    async def register(self, credential: Credential) -> None:
        """Create the account. Raises `AccountTaken`, `RegistrationRefused`, `ServerUnavailable`."""


class Credentials(Protocol):
    """What the transport asks before it connects."""

    @needs_grant("credentials.use")
    async def current(self) -> Credential | None:
        """The signed-in account's credential, or None."""

    async def rejected(self, reason: str) -> None:
        """The server refused the stored password: the account stays known, but must sign in again."""


class Identity(Protocol):
    """The profile's account. Publishes `tulou.AccountChanged` on every change."""

    @property
    def account(self) -> Account | None:
        """The account, signed in or waiting to sign in again; None before the first time."""

    @property
    def signed_in(self) -> bool:
        """Whether there is a credential to connect with."""

    @needs_grant("account.manage")
    async def sign_in(self, address: str, password: str, endpoint: str = "") -> Account:
        """Check with the server, then remember. On any error nothing is changed.

        A profile belongs to one account for ever: another address is `AddressInvalid`.
        Raises `AddressInvalid`, `WrongPassword`, `ServerUnavailable`.
        """

    @needs_grant("account.manage")
    async def register(self, address: str, password: str, endpoint: str = "") -> Account:
        """Create the account at the server, then sign in.

        Raises `AddressInvalid`, `AccountTaken`, `RegistrationRefused`, `ServerUnavailable`.
        """

    @needs_grant("account.manage")
    async def sign_out(self) -> None:
        """Forget the password; messages stay."""
