"""A tracking room on the real store, with a table of the tests' own and a collector in memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import tulou_tracking
from hypothesis import HealthCheck, settings
from tulou import Context, Kernel, Level, Plugin, implements
from tulou.testing import boot, stand_in
from tulou_contracts.company import Company
from tulou_contracts.network import HttpClient, HttpRequest, HttpResponse
from tulou_contracts.storage import Storage
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.tracking import TABLE
from tulou_contracts.tracking import EventSpec, Tracker, TrackingControl, contribute_events

try:
    import tulou_store
except ImportError:  # this room alone: then in memory, which lasts as long as the test
    tulou_store = None

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test is about how fast the machine is."""
URL = "http://127.0.0.1:9/collect"


class Collector:
    """Answers reports as told, and remembers them; an HTTP client and a company's service."""

    def __init__(self, *answers: int | HttpResponse | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.times: list[float] = []
        self.hold: trio.Event | None = None
        self.arrived = trio.Event()

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        self.times.append(trio.current_time())
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        await trio.lowlevel.checkpoint()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return HttpResponse(status=answer) if isinstance(answer, int) else answer

    async def report(self, collector: str, body: bytes, *, content_type: str, headers: Any = None,
                     timeout: float = 30.0) -> HttpResponse:
        return await self.send(HttpRequest(
            url=f"https://company.example/collect/{collector}", method="POST", body=body,
            headers={**(headers or {}), "content-type": content_type}))

    def reports(self) -> list[list[dict[str, Any]]]:
        """Every request's events."""
        return [[json.loads(line) for line in gzip.decompress(each.body).decode().split("\n") if line]
                for each in self.requests]

    def events(self) -> list[dict[str, Any]]:
        return [event for report in self.reports() for event in report]


def declaring(*specs: EventSpec, name: str = "kit") -> Plugin:
    """A plugin that declares events, and does nothing else."""

    class Declares:
        @implements(contribute_events)
        def contribute_events(self) -> Sequence[EventSpec]:
            return specs

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(Declares())
        yield

    return Plugin(name=name, run=run, level=Level.CORE)


@dataclass
class Room:
    """A running one."""

    kernel: Kernel
    tracker: Tracker
    control: TrackingControl
    fields: dict[str, Any] = field(default_factory=dict)

    async def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in await self.control.preview()]


Open = Callable[..., AbstractAsyncContextManager[Room]]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the room on the test's folder; with full consent and an endpoint unless told otherwise."""
    for name in ("DO_NOT_TRACK", "DNT"):
        monkeypatch.delenv(name, raising=False)

    memories: dict[Path, MemoryStorage] = {}

    @asynccontextmanager
    async def go(
        collector: Any = None, *, specs: Sequence[EventSpec] = TABLE, folder: Path = tmp_path / "profile",
        more: Sequence[Plugin] = (), fakes: dict[type, Any] | None = None, **config: Any,
    ) -> AsyncIterator[Room]:
        settings = {"consent": "full", "batch_age": 1e9} | config
        given = dict(fakes or {})
        if collector is not None and not isinstance(collector, dict):
            given[HttpClient] = collector
            settings.setdefault("endpoint", URL)
        stores = [tulou_store.plugin] if tulou_store is not None else []
        if tulou_store is None:
            given[Storage] = memories.setdefault(folder, MemoryStorage())
        tables = {"tracking": settings} | ({"store": {"threads": False}} if stores else {})
        async with boot(*stores, tulou_tracking.plugin, declaring(*specs), *more, fakes=given,
                        config=tables, profile=folder) as kernel:
            yield Room(kernel, kernel.service(Tracker), kernel.service(TrackingControl))

    return go


def company(collector: Collector, **replaced: Any) -> Any:
    """A company service in front of the collector."""
    made = stand_in(Company, report=collector.report, **replaced)
    return made
