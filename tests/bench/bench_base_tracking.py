"""Events a second: ours durable on the disk, against Snowplow's tracker, which keeps its own in memory.

Each side tracks the same structured event as many times as Snowplow's store holds without dropping, and
nobody collects: Snowplow's batch is larger than what comes, ours waits for an age that does not come.
Snowplow's side ends when the last call returns; ours when the last event is synced to the disk, by the
same `flush` that a running app has (so the wait for the flush deadline is in it). The figure of merit is
for one process and one producer. ``TULOU_BENCH_FOLDER`` names a folder on the disk to be measured.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import tulou_store
import tulou_tracking

from tests.bench.harness import Measurement, reported_in_turn
from tulou import Context, Kernel, Level, Plugin, implements
from tulou.composition import Composition
from tulou_contracts.tracking import (
    EventSpec, Field, FieldType, PersonalData, Tracker, TrackingControl, contribute_events,
)

EVENTS = 10_000
FASTER = 1.0
FLUSH = 0.25  # seconds, the default
SPEC = EventSpec(name="bench.opened", owner="bench", fields=(
    Field(name="category", personal=PersonalData.NONE),
    Field(name="action", personal=PersonalData.NONE),
    Field(name="label", personal=PersonalData.NONE),
    Field(name="value", type=FieldType.NUMBER, personal=PersonalData.NONE),
))


def measure() -> Iterator[Measurement]:
    """Seconds an event; the ratio is how many times more events a second are ours."""
    medians = reported_in_turn({
        "tulou, durable": lambda: in_folder(lambda folder: trio.run(durable, folder, FLUSH)),
        "tulou, the call alone": lambda: in_folder(lambda folder: trio.run(calls, folder)),
        "Snowplow, in memory": snowplow,
    }, rounds=7)
    floor = medians["Snowplow, in memory"]
    ratio = floor / medians["tulou, durable"]
    peer = {"the call alone": floor / medians["tulou, the call alone"]}
    name = f"tracking: {EVENTS} durable events, times more a second than Snowplow's in memory"
    yield Measurement(name, ratio, f">= {FASTER:g}", ratio >= FASTER, peer, medians)


def in_folder(side: object) -> float:
    """Run one side in a new folder."""
    assert callable(side)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TULOU_BENCH_FOLDER")) as name:
        seconds: float = side(Path(name))
        return seconds


class Declares:
    """The table of this measurement."""

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """One row."""
        return [SPEC]


@asynccontextmanager
async def declares(ctx: Context) -> AsyncIterator[None]:
    """A plugin that declares it."""
    ctx.implement(Declares())
    yield


@asynccontextmanager
async def running(folder: Path, flush: float) -> AsyncIterator[Kernel]:
    """The room as in an app: on the real store, with consent, in a kernel."""
    plugins = [tulou_store.plugin, tulou_tracking.plugin,
               Plugin(name="bench", run=declares, level=Level.CORE)]
    composition = Composition.of(
        "store", "bench", tracking={"consent": "full", "flush": flush, "batch_age": 1e9,
                                    "endpoint": "http://127.0.0.1:9/"})
    kernel = Kernel(composition, profile=folder, plugins=plugins)
    async with kernel.running():
        yield kernel


async def durable(folder: Path, flush: float) -> float:
    """Seconds an event, from the first call until the last one is on the disk; nobody hurries it."""
    async with running(folder, flush) as kernel:
        tracker, control = kernel.service(Tracker), kernel.service(TrackingControl)
        await control.flush()
        before = control.state().held
        track = tracker.track
        begin = time.perf_counter()
        for number in range(EVENTS):
            track("bench.opened", category="messages", action="open", label="一个会话", value=float(number))
            if number % 100 == 99:
                await trio.lowlevel.checkpoint()  # as in an app, others have their turn
        while control.state().held < before + EVENTS:
            await trio.sleep(0.001)
        return (time.perf_counter() - begin) / EVENTS


async def calls(folder: Path) -> float:
    """Seconds a call of `track`, without what follows."""
    async with running(folder, 1.0) as kernel:
        track = kernel.service(Tracker).track
        begin = time.perf_counter()
        for number in range(EVENTS):
            track("bench.opened", category="messages", action="open", label="一个会话", value=float(number))
        return (time.perf_counter() - begin) / EVENTS


def snowplow() -> float:
    """Seconds an event of Snowplow's own tracker, emitter and in-memory store, which sends nothing."""
    from snowplow_tracker import Emitter, StructuredEvent, Subject
    from snowplow_tracker import Tracker as Snowplow

    logging.getLogger("snowplow_tracker").setLevel(logging.CRITICAL)
    emitter = Emitter("127.0.0.1", protocol="http", port=9, method="post", batch_size=EVENTS + 1,
                      buffer_capacity=EVENTS + 1)
    tracker = Snowplow("bench", emitter, app_id="bench", subject=Subject())
    begin = time.perf_counter()
    for number in range(EVENTS):
        tracker.track(StructuredEvent("messages", "open", label="一个会话", value=float(number)))
    seconds = (time.perf_counter() - begin) / EVENTS
    assert emitter.event_store.size() == EVENTS
    return seconds
