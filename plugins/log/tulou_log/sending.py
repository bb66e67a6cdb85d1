"""Ways for a report to leave. One that can goes; the first in the list comes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tulou import Wanted
from tulou.errors import TulouError
from tulou_contracts.company import Company
from tulou_contracts.logs import LogReport, NotSent

COLLECTOR = "logs"
TIMEOUT = 60.0
"""Seconds for one part of a report."""

Progress = Callable[[int, int], None]


class Carrier(Protocol):
    """Hands reports over: the company service's collector, or a store of files where there is one."""

    def can(self) -> bool:
        """Whether it could now."""

    async def send(self, report: LogReport, progress: Progress) -> None:
        """Hand it over, whole or not at all as far as it can tell. Raises `NotSent`."""


class ByCompany:
    """To the company service's collector, part by part."""

    def __init__(self, company: Wanted[Company]) -> None:
        self._company = company

    def can(self) -> bool:
        """See `Carrier`."""
        company = self._company.get()
        return company is not None and company.url is not None

    async def send(self, report: LogReport, progress: Progress) -> None:
        """See `Carrier`."""
        sent = 0
        progress(0, report.size)
        for number, part in enumerate(report.parts, 1):
            await self._send_part(report, part, number)
            sent += len(part)
            progress(sent, report.size)

    async def _send_part(self, report: LogReport, part: bytes, number: int) -> None:
        try:
            answer = await self._company.require().report(
                COLLECTOR, part, content_type="application/x-ndjson", timeout=TIMEOUT,
                headers={"Content-Encoding": "gzip", "Tulou-Report": report.id,
                         "Tulou-Part": f"{number}/{len(report.parts)}"})
        except TulouError as error:
            raise NotSent(f"the report was not sent: {error}") from error
        if not 200 <= answer.status < 300:
            raise NotSent(f"the company service did not take the report (it answers {answer.status});"
                          " try again later")


async def send(carriers: Sequence[Carrier], report: LogReport, progress: Progress) -> None:
    """By the first that can. Raises `NotSent`."""
    for carrier in carriers:
        if carrier.can():
            await carrier.send(report, progress)
            return
    raise NotSent("there is nobody to send a report to: this app names no company service;"
                  " `tulou logs report` writes the same report to a file")
