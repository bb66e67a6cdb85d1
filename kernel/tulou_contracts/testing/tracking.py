"""Conformance of a `Tracker` and its `TrackingControl`, and a fake for rooms that track.

Subclass the suite and give the fixture `tracking`: a function that opens, as an async context
manager, a tracker on a profile folder with a table that holds `TABLE` and with full consent as the
default; it yields a `Tracking`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from tulou_contracts.tracking import (
    Consent, EventInvalid, EventSpec, EventUnknown, Field, FieldType, PersonalData, Tracker,
    TrackingControl, Value,
)

TABLE = (
    EventSpec(name="kit.plain", owner="kit", fields=(
        Field(name="kind", personal=PersonalData.NONE, choices=("text", "图片")),
        Field(name="seconds", type=FieldType.NUMBER, personal=PersonalData.NONE),
        Field(name="whole", type=FieldType.INTEGER, personal=PersonalData.NONE),
        Field(name="flag", type=FieldType.BOOLEAN, personal=PersonalData.NONE),
    )),
    EventSpec(name="kit.personal", owner="kit", fields=(
        Field(name="what", personal=PersonalData.NONE, required=True),
        Field(name="room", personal=PersonalData.IDENTIFIER),
        Field(name="name", personal=PersonalData.PERSONAL),
        Field(name="secret", personal=PersonalData.NEVER),
    )),
    EventSpec(name="kit.never-sampled", owner="kit", sample=0.0),
)


class Tracking(NamedTuple):
    """What the fixture `tracking` yields."""

    tracker: Tracker
    control: TrackingControl


Open = Callable[[Path], AbstractAsyncContextManager[Tracking]]


class FakeTracker:
    """Keeps what was tracked in `events`, as (name, fields). With `specs` it raises as development does."""

    def __init__(self, specs: Sequence[EventSpec] | None = None) -> None:
        self.events: list[tuple[str, dict[str, Value]]] = []
        self._specs = None if specs is None else {spec.name: spec for spec in specs}

    def track(self, name: str, /, **fields: Value) -> None:
        """See the contract."""
        if self._specs is not None:
            spec = self._specs.get(name)
            if spec is None:
                raise EventUnknown(f"no event {name!r} is declared")
            known = {field.name for field in spec.fields}
            lacking = {field.name for field in spec.fields if field.required} - fields.keys()
            if fields.keys() - known or lacking:
                unknown = sorted(fields.keys() - known)
                raise EventInvalid(f"{name!r}: unknown {unknown}, lacking {sorted(lacking)}")
        self.events.append((name, fields))

    def named(self, name: str) -> list[dict[str, Value]]:
        """The fields of every event of a name."""
        return [fields for each, fields in self.events if each == name]


class TrackerConformance:
    """What every tracker owes those who track, and those who are tracked."""

    @pytest.fixture
    def tracking(self) -> Open:
        """A function that opens one on a folder."""
        raise NotImplementedError

    async def test_an_event_waits_as_it_was_tracked(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.plain", kind="图片", seconds=1.5, whole=-3, flag=True)
            [event] = await lines(control)
        assert event["name"] == "kit.plain"
        wanted = {"kind": "图片", "seconds": 1.5, "whole": -3, "flag": True}
        assert event["fields"].items() >= wanted.items()
        assert event["sent_at"] >= event["at"] > 0

    async def test_every_event_has_an_id_of_its_own(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            for _ in range(50):
                tracker.track("kit.plain")
            assert len({event["id"] for event in await lines(control)}) == 50

    async def test_events_keep_their_order(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            for number in range(100):
                tracker.track("kit.plain", whole=number)
            assert [event["fields"]["whole"] for event in await lines(control)] == list(range(100))

    async def test_what_is_durable_is_there_after_a_restart(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.plain", whole=1)
            await control.flush()
            [before] = await lines(control)
        async with tracking(tmp_path) as (_, control):
            [after] = await lines(control)
            assert (after["id"], after["at"]) == (before["id"], before["at"])

    async def test_what_was_tracked_before_a_stop_is_there(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, _):
            tracker.track("kit.plain", whole=7)
        async with tracking(tmp_path) as (_, control):
            [event] = await lines(control)
            assert event["fields"]["whole"] == 7

    @pytest.mark.parametrize("name, fields", [
        ("kit.nothing", {}),
        ("", {}),
        ("kit.plain", {"strange": 1}),
        ("kit.plain", {"kind": "video"}),
        ("kit.plain", {"kind": 1}),
        ("kit.plain", {"whole": 1.0}),
        ("kit.plain", {"whole": True}),
        ("kit.plain", {"whole": 2**64}),
        ("kit.plain", {"seconds": float("nan")}),
        ("kit.plain", {"seconds": "1"}),
        ("kit.plain", {"flag": 1}),
        ("kit.plain", {"flag": None}),
        ("kit.plain", {"kind": ["text"]}),
        ("kit.personal", {}),
        ("kit.personal", {"what": "half a \ud83d pair"}),
        ("kit.personal", {"what": "长" * 201}),
        ("kit.personal", {"what": object()}),
    ])
    async def test_what_the_table_refuses_is_counted_and_raises_nothing(
        self, tracking: Open, tmp_path: Path, name: str, fields: dict[str, Any]
    ) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track(name, **fields)
            tracker.track("kit.plain", whole=1)
            assert [event["name"] for event in await lines(control)] == ["kit.plain"]
            assert sum(sum(names.values()) for names in control.state().dropped.values()) == 1

    async def test_anonymous_consent_takes_the_person_out(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            await control.set_consent(Consent.ANONYMOUS)
            for _ in range(2):
                tracker.track("kit.personal", what="opened", room="r1@x.example", name="王小明", secret="s")
            first, second = await lines(control)
            assert first["fields"]["what"] == "opened"
            assert not {"name", "secret"} & first["fields"].keys()
            assert first["fields"]["room"] == second["fields"]["room"] != "r1@x.example"
            assert "王小明" not in json.dumps([first, second], ensure_ascii=False)

    async def test_full_consent_lets_out_all_but_what_never_leaves(
        self, tracking: Open, tmp_path: Path
    ) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.personal", what="opened", room="r1", name="王小明", secret="s")
            [event] = await lines(control)
            assert event["fields"].items() >= {"what": "opened", "room": "r1", "name": "王小明"}.items()
            assert "secret" not in event["fields"]

    async def test_without_consent_nothing_is_kept(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            await control.set_consent(Consent.OFF)
            tracker.track("kit.plain")
            assert await lines(control) == []
            assert control.state().consent is Consent.OFF
        async with tracking(tmp_path) as (_, control):
            assert control.state().consent is Consent.OFF and await lines(control) == []

    @pytest.mark.parametrize("chosen", [Consent.OFF, Consent.ANONYMOUS])
    async def test_choosing_less_empties_what_waits(
        self, tracking: Open, tmp_path: Path, chosen: Consent
    ) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.plain", whole=1)
            await control.flush()
            tracker.track("kit.plain", whole=2)  # this one is not on the disk yet
            await control.set_consent(chosen)
            assert await lines(control) == []
            assert control.state().dropped["withdrawn"]["kit.plain"] == 2
        async with tracking(tmp_path) as (_, control):
            assert await lines(control) == []

    async def test_choosing_more_keeps_what_waits(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            await control.set_consent(Consent.ANONYMOUS)
            tracker.track("kit.personal", what="a", name="王小明")
            await control.set_consent(Consent.FULL)
            [event] = await lines(control)
            assert "name" not in event["fields"], "what was tracked anonymously stays so"

    async def test_who_is_not_in_the_sample_is_left_out(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.never-sampled")
            assert await lines(control) == []

    async def test_throwing_away_leaves_nothing(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):
            tracker.track("kit.plain")
            tracker.track("kit.plain")
            assert await control.empty() >= 2
            assert await lines(control) == [] and control.state().held == 0
            assert control.state().dropped["emptied"]["kit.plain"] == 2

    async def test_any_thread_may_track(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (tracker, control):

            def work() -> None:
                for number in range(20):
                    tracker.track("kit.plain", whole=number)

            thread = threading.Thread(target=work)
            thread.start()
            await trio.to_thread.run_sync(thread.join)
            for _ in range(10):
                await trio.lowlevel.checkpoint()
            assert [event["fields"]["whole"] for event in await lines(control)] == list(range(20))

    async def test_the_table_is_told(self, tracking: Open, tmp_path: Path) -> None:
        async with tracking(tmp_path) as (_, control):
            assert {spec.name for spec in control.table()} >= {spec.name for spec in TABLE}


async def lines(control: TrackingControl) -> list[dict[str, Any]]:
    """The next report's lines, read; without what the tracker counts itself."""
    found = [json.loads(line) for line in await control.preview()]
    return [event for event in found if event["name"].startswith("kit.")]
