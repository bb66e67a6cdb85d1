"""Company: what a company tells all its clients in signed documents, and where they report to.

`Company` is the client's side (plugin `company`); `CompanyService` is the other side, which runs inside
the embedded server's process or alone beside Prosody or ejabberd (plugin `company-service`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tulou import needs_grant
from tulou.errors import TulouError

from tulou_contracts.network import HttpResponse


V = TypeVar("V", bool, int, float, str)


class CompanyError(TulouError):
    """Base of what can be wrong between a client and its company service."""


class NoCompany(CompanyError):
    """This composition names no company service; what it would say has the composition's defaults."""


class DocumentRefused(CompanyError):
    """A document is forged, older than the one held, not for this account or audience, not valid
    now, too large, or not of its kind's form; the text says which. The one held before stays.
    `kind` is empty when not even that is known."""

    def __init__(self, message: str, kind: str = "") -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document whose signature, account, audience and version were checked.

    Kinds in use: ``routes``, ``events``, ``configuration``, ``policy``, ``logging``. Where there is one
    for everybody and one for this account, the latter holds.
    """

    kind: str
    version: int
    """Grows with every issue; an older one is never taken."""
    content: Mapping[str, Any]
    """JSON; its meaning belongs to the room that reads this kind."""
    audience: str
    """Which product it is for; must be the composition's `audience`."""
    account: str = ""
    """The address it is for; empty: everybody."""
    issued_at: int
    """Microseconds since 1970 UTC."""
    valid_until: int
    """Microseconds since 1970 UTC; afterwards the document counts as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChanged:
    """Event: another document of this kind holds now; `version` 0 when none does any more."""

    kind: str
    version: int


class Company(Protocol):
    """The company service as this profile's client sees it."""

    @property
    def url(self) -> str | None:
        """Where the service is; None when the composition names none."""

    def document(self, kind: str) -> Document | None:
        """The newest checked document of a kind that is valid now, from memory."""

    async def refresh(self, kind: str) -> Document | None:
        """Ask the service now. Raises `NoCompany`, `DocumentRefused`, `NetworkError`."""

    @needs_grant("company.report")
    async def report(
        self, collector: str, body: bytes, *, content_type: str,
        headers: Mapping[str, str] | None = None, timeout: float = 30.0,
    ) -> HttpResponse:
        """Hand something to a collector (``logs``, ``events``), authorised as this account.

        Any status is an answer, not an error: 200 when it is stored, 413 for too much at once, 429 and
        507 (with Retry-After where it is known) for later, other 4xx for never. ``events`` takes JSON
        lines, each an object with the texts `id` (for dedupe) and `name`; both take gzip. The header
        ``tulou-anonymous: 1`` keeps the account out of what is stored. Raises `NoCompany`,
        `NetworkError`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagsChanged:
    """Event: flags of these names may have other values now."""

    names: frozenset[str]


class Flags(Protocol):
    """Feature flags: what the company's `configuration` document says under ``flags``."""

    def value(self, name: str, default: V) -> V:
        """The flag's value when it is set to one of the default's type, else the default; from memory."""


class CompanyService(Protocol):
    """The service itself, for those who administer it."""

    url: str
    """Where clients find it, e.g. ``https://127.0.0.1:5281``."""
    root_key: str
    """The public key that clients pin in their composition, as text."""

    @needs_grant("company.manage")
    async def publish(
        self, kind: str, content: Mapping[str, Any], *, account: str = "", audience: str = "",
        valid_for: float = 30 * 86400.0,
    ) -> Document:
        """Sign and issue the next version of a document, and push word of it to who is connected.

        `valid_for` is in seconds; an empty `audience` means the service's own. Raises `DocumentRefused`.
        """

    @needs_grant("company.manage")
    async def withdraw(self, kind: str, *, account: str = "") -> None:
        """Issue a next version that says: nothing holds any more."""

    @needs_grant("company.manage")
    async def counts(self, collector: str) -> Mapping[str, int]:
        """How much was collected so far: events by name, log reports by account."""
