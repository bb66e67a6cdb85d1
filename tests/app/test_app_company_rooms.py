"""A whole client and the whole service: what is published is held, what is reported is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.company import Company, CompanyService, DocumentChanged, Flags, FlagsChanged
from tulou_contracts.identity import Identity
from tulou_contracts.server import ChatServer
from tulou_contracts.testing.company import CompanyConformance, CompanyPlay
from tulou_contracts.tracking import Consent, Tracker, TrackingControl

LIN = "lin@tulou.localhost"


async def eventually(condition: Any, seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not condition():
            await trio.sleep(0.02)


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Kernel]:
    composition = (Composition.load("server").with_config("server", port=0, announce=False)
                   .with_config("company-service", port=0, announce=False))
    async with Kernel(composition, profile=folder / "server").running() as kernel:
        await kernel.service(ChatServer).create_account("lin", "secret")
        yield kernel


@asynccontextmanager
async def client(folder: Path, serving: Kernel, *rooms: str) -> AsyncIterator[Kernel]:
    composition = (
        Composition.load("headless").with_config("crypto", keyring="file")
        .with_config("xmpp", endpoint=serving.service(ChatServer).endpoint)
        .with_config("company", root_keys=[serving.service(CompanyService).root_key], spread=0.0)
    )
    for room in rooms:
        composition = composition.with_plugin(room)
    async with Kernel(composition, profile=folder / "lin").running() as kernel:
        if not kernel.service(Identity).signed_in:
            await kernel.service(Identity).sign_in(LIN, "secret")
        await eventually(lambda: kernel.service(Company).url is not None)
        yield kernel


class TestRealCompany(CompanyConformance):
    """The suite on everything real: HTTP, signatures, storage, the wire."""

    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CompanyPlay]:
        async with service(self.folder) as serving, client(self.folder, serving) as kernel:
            events: list[object] = []
            for each in (DocumentChanged, FlagsChanged):
                kernel._running_house().events.subscribe("test", each, events.append)
            company, issuer = kernel.service(Company), serving.service(CompanyService)

            async def issue(kind: str, content: Mapping[str, Any] | None) -> None:
                told = len(events)
                if content is None:
                    await issuer.withdraw(kind)
                else:
                    await issuer.publish(kind, content)
                await company.refresh(kind)
                await eventually(lambda: len(events) > told)
                await trio.sleep(0.05)

            yield CompanyPlay(company, kernel.service(Flags), events, issue)


async def test_events_are_counted_by_the_service_and_its_table_switches_them_off(tmp_path: Path) -> None:
    pytest.importorskip("tulou_tracking")
    async with service(tmp_path) as serving, client(tmp_path, serving, "tracking") as kernel:
        issuer, control = serving.service(CompanyService), kernel.service(TrackingControl)
        tracker = kernel.service(Tracker)
        await control.set_consent(Consent.FULL)
        await control.empty()
        tracker.track("app.started", seconds=1.5, plugins=7, failed=0)
        await control.flush()
        await control.report()
        assert await issuer.counts("events") == {"app.started": 1}
        await issuer.publish("events", {"events": {"app.started": {"enabled": False}}})
        await eventually(lambda: kernel.service(Company).document("events") is not None)
        await trio.sleep(0.1)
        tracker.track("app.started", seconds=1.5, plugins=7, failed=0)
        await control.flush()
        await control.report()
        assert await issuer.counts("events") == {"app.started": 1}
