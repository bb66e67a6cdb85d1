"""Where reports go: the company's collector, or an endpoint of the composition's choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tulou_contracts.company import Company
from tulou_contracts.network import HttpClient, HttpRequest, HttpResponse
from tulou_contracts.tracking import TrackingError
from tulou_tracking.config import Config, Form
from tulou_tracking.wire import CONTENT_TYPE, lines_of, packed

if TYPE_CHECKING:
    from tulou.services import Wanted

COLLECTOR = "events"
ANONYMOUS = "tulou-anonymous"
"""A header: "1" asks the collector to store the report without the account that brought it."""


class NoEncoder(TrackingError):
    """The library that writes OTLP is not installed."""


class Destination:
    """Writes a report in the form that is wanted, and hands it over."""

    def __init__(self, config: Config, company: Wanted[Company], http: Wanted[HttpClient]) -> None:
        self._config = config
        self._company = company
        self._http = http
        self._otlp: Callable[[Sequence[str], int], bytes] | None = None

    @property
    def words(self) -> str:
        """Where that is, for people; empty: nowhere for now."""
        if self._config.endpoint:
            return self._config.endpoint if self._http.get() is not None else ""
        company = self._company.get()
        return (company.url or "") if company is not None else ""

    def body_of(self, bodies: Sequence[str], sent_at: int) -> tuple[bytes, str]:
        """A report before compression, and its content type. Raises `NoEncoder`."""
        if self._config.form is Form.LINES:
            return lines_of(bodies, sent_at).encode(), CONTENT_TYPE
        if self._otlp is None:
            self._otlp = _otlp_encoder()
        return self._otlp(bodies, sent_at), "application/x-protobuf"

    async def send(self, body: bytes, content_type: str, *, anonymous: bool) -> HttpResponse:
        """Hand a packed report over; `anonymous` asks the collector not to note who brought it.

        Raises `NetworkError`, `CompanyError`, `ServiceGone`.
        """
        headers = {"content-encoding": "gzip"} | ({ANONYMOUS: "1"} if anonymous else {})
        timeout = self._config.timeout
        if not self._config.endpoint:
            return await self._company.require().report(
                COLLECTOR, body, content_type=content_type, headers=headers, timeout=timeout)
        return await self._http.require().send(HttpRequest(
            url=self._config.endpoint, method="POST", body=body, timeout=timeout,
            headers={**headers, "content-type": content_type}))

    def pack(self, bodies: Sequence[str], sent_at: int) -> tuple[bytes, str]:
        """`body_of`, as it travels."""
        body, content_type = self.body_of(bodies, sent_at)
        return packed(body), content_type


def _otlp_encoder() -> Callable[[Sequence[str], int], bytes]:
    try:
        from tulou_tracking.otlp import encoded
    except ImportError as error:
        raise NoEncoder(f"form = 'otlp' needs OpenTelemetry's libraries ({error}): install"
                        " tulou-tracking[otlp]") from error
    return encoded
