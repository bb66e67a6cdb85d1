"""Consent, the way to the disk, bounds, windows, samples: the room from the inside, on virtual time."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from tracking_world import CALM, Collector
from hypothesis import given
from hypothesis import strategies as st
from tulou import Context, Level, Plugin, Prevent, Stage, implements
from tulou.testing import stand_in
from tulou_contracts.identity import Account, Identity
from tulou_contracts.storage import StorageFull
from tulou_contracts.tracking import (
    Consent, Event, EventSpec, Field, FieldType, PersonalData, TrackingChanged, process_events,
)
from tulou_contracts.ui import Notice, Notices
from tulou_tracking.person import Person
from tulou_tracking.pipeline import ids


def processing(function: Any, **marks: Any) -> Plugin:
    """A plugin that has a part in the pipeline."""

    class Part:
        @implements(process_events, **marks)
        async def process_events(self, events: Sequence[Event], consent: Consent) -> Any:
            return function(events)

    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        ctx.implement(Part())
        yield

    return Plugin(name="part", run=run, level=Level.CORE)


async def kit(opened: Any) -> list[dict[str, Any]]:
    return [event for event in await opened.lines() if event["name"].startswith("kit.")]


# -- consent --


async def test_nothing_is_kept_unless_somebody_says_so(room: Any, autojump_clock: Any) -> None:
    async with room(Collector(), consent="off") as opened:
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(10)
        assert await opened.lines() == [] and not opened.control.state().dropped
        assert opened.control.state().chosen is None


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "DNT"])
async def test_a_system_that_asks_not_to_track_is_obeyed(
    room: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    collector = Collector()
    async with room(collector, batch=1) as opened:
        await opened.control.set_consent(Consent.FULL)
        opened.tracker.track("kit.plain", whole=1)
        await trio.sleep(100)
        state = opened.control.state()
        assert state.do_not_track and state.consent is Consent.OFF and not collector.requests
        assert await opened.lines() == []


async def test_asking_not_to_track_later_empties_what_waited(
    room: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room() as opened:
        opened.tracker.track("kit.plain", whole=1)
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    async with room() as opened:
        assert await opened.lines() == []
    monkeypatch.delenv("DO_NOT_TRACK")
    async with room() as opened:
        assert await kit(opened) == []


async def test_a_composition_that_says_less_empties_what_waited(room: Any, autojump_clock: Any) -> None:
    async with room(consent="full") as opened:
        opened.tracker.track("kit.plain", whole=1)
    async with room(consent="anonymous") as opened:
        assert await kit(opened) == []


async def test_a_choice_outlives_the_compositions_default(room: Any, autojump_clock: Any) -> None:
    async with room(consent="full") as opened:
        await opened.control.set_consent(Consent.ANONYMOUS)
    async with room(consent="full") as opened:
        assert opened.control.state().consent is opened.control.state().chosen is Consent.ANONYMOUS


@pytest.mark.parametrize("chosen", [Consent.OFF, Consent.ANONYMOUS])
async def test_a_no_holds_also_where_the_disk_takes_nothing(
    room: Any, autojump_clock: Any, chosen: Consent
) -> None:
    collector = Collector()
    async with room(collector, consent="off") as opened:
        await opened.control.set_consent(Consent.FULL)
        opened.tracker.track("kit.plain", whole=1)
        await opened.control.flush()
        queue = opened.control._queue

        async def full(work: Any) -> Any:
            raise StorageFull("no room left")

        queue._database.write, write = full, queue._database.write
        with pytest.raises(StorageFull):
            await opened.control.set_consent(chosen)
        opened.tracker.track("kit.plain", whole=2)
        assert opened.control.state().consent is Consent.OFF, "rather than half of it"
        queue._database.write = write
        await trio.sleep(10)
        await opened.control.set_consent(Consent.FULL)
        assert await kit(opened) == [], "what was withdrawn does not come back with a yes"
        opened.tracker.track("kit.plain", whole=3)
        queue._database.write = full
        with pytest.raises(StorageFull):
            await opened.control.set_consent(chosen)
        queue._database.write = write
    assert not collector.requests
    async with room(consent="off") as opened:
        assert opened.control.state().consent is Consent.OFF
        assert await opened.lines() == []


async def test_nothing_tracked_before_a_no_is_stored_behind_it(room: Any, autojump_clock: Any) -> None:
    """Whichever comes first at the disk: a batch under way, or the withdrawal."""
    for turns in range(12):
        async with room() as opened:
            await opened.control.set_consent(Consent.FULL)
            await opened.control.empty()
            opened.tracker.track("kit.plain", whole=turns)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(opened.control.flush)
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                await opened.control.set_consent(Consent.ANONYMOUS)
            assert await kit(opened) == [], turns
            assert opened.control.state().dropped["withdrawn"]["kit.plain"] == turns + 1


async def test_the_pseudonym_is_another_one_after_its_days(room: Any, autojump_clock: Any) -> None:
    identity = stand_in(Identity)
    type(identity).account = Account(address="anna@tulou.example")
    async with room(consent="anonymous", fakes={Identity: identity}, pseudonym_days=7) as opened:
        for _ in range(2):
            opened.tracker.track("kit.personal", what="x", room="r1")
        await opened.control.flush()
        await trio.sleep(8 * 86_400)
        opened.tracker.track("kit.personal", what="x", room="r1")
        first, same, later = await kit(opened)
        assert first["fields"]["room"] == same["fields"]["room"] != later["fields"]["room"]
        assert first["fields"]["user"] == same["fields"]["user"] != later["fields"]["user"]
        assert "anna" not in json.dumps([first, same, later])


async def test_with_full_consent_the_account_is_named(room: Any, autojump_clock: Any) -> None:
    identity = stand_in(Identity)
    type(identity).account = Account(address="anna@tulou.example")
    async with room(fakes={Identity: identity}) as opened:
        opened.tracker.track("kit.plain")
        assert (await kit(opened))[0]["fields"]["user"] == "anna@tulou.example"


async def test_a_person_is_asked_until_he_has_chosen(room: Any, autojump_clock: Any) -> None:
    shown: dict[str, Notice] = {}
    notices = stand_in(Notices, show=lambda notice: shown.update({notice.id: notice}),
                       withdraw=lambda notice_id: shown.pop(notice_id, None))
    async with room(Collector(), consent="off", fakes={Notices: notices}) as opened:
        await trio.sleep(1)
        assert shown["tracking-consent"].url == "tulou://app/tracking"
        await opened.control.set_consent(Consent.OFF)
        await trio.sleep(1)
        assert not shown
    async with room(Collector(), consent="off", fakes={Notices: notices}):
        await trio.sleep(1)
        assert not shown


async def test_changes_are_published(room: Any, autojump_clock: Any) -> None:
    seen: list[TrackingChanged] = []
    async with room(consent="off") as opened:
        with opened.kernel.subscribed(TrackingChanged, seen.append):
            await opened.control.set_consent(Consent.FULL)
            await trio.sleep(0.1)
    assert seen


# -- to the disk --


async def test_an_event_is_on_the_disk_within_the_deadline(room: Any, autojump_clock: Any) -> None:
    async with room(flush=0.25) as opened:
        await trio.sleep(1)
        before = opened.control.state().held
        opened.tracker.track("kit.plain", whole=1)
        assert opened.control.state().held == before
        await trio.sleep(0.26)
        assert opened.control.state().held == before + 1


async def test_a_disk_that_is_full_for_a_while_loses_nothing(
    room: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with room() as opened:
        queue = opened.control._queue
        write = queue._database.write

        async def full(work: Any) -> Any:
            raise StorageFull("no room left on the disk")

        queue._database.write = full
        for number in range(5):
            opened.tracker.track("kit.plain", whole=number)
            await trio.sleep(10)
        assert "no room left" in caplog.text and caplog.text.count("cannot be stored") == 1
        queue._database.write = write
        await trio.sleep(200)
        assert [event["fields"]["whole"] for event in await kit(opened)] == list(range(5))


async def test_beyond_the_buffer_the_oldest_go_and_are_counted(room: Any, autojump_clock: Any) -> None:
    async with room(buffer=100) as opened:
        await opened.control.flush()
        for number in range(250):
            opened.tracker.track("kit.plain", whole=number)
        assert [event["fields"]["whole"] for event in await kit(opened)] == list(range(150, 250))
        assert opened.control.state().dropped["overflow"] == {"kit.plain": 150}


async def test_beyond_the_queue_the_oldest_go_and_are_counted(room: Any, autojump_clock: Any) -> None:
    async with room(queue=20) as opened:
        for number in range(50):
            opened.tracker.track("kit.plain", whole=number)
            if number % 7 == 0:
                await opened.control.flush()
        assert [event["fields"]["whole"] for event in await kit(opened)] == list(range(30, 50))
        assert opened.control.state().dropped["full"]["kit.plain"] == 30
    async with room(queue=20) as opened:
        assert opened.control.state().dropped["full"]["kit.plain"] >= 30, "counts outlive the run"


async def test_beyond_the_queues_bytes_the_oldest_go(room: Any, autojump_clock: Any) -> None:
    async with room(queue_kb=4) as opened:
        for number in range(60):
            opened.tracker.track("kit.personal", what=f"{number:03}" + "字" * 100)
        left = [event["fields"]["what"][:3] for event in await kit(opened)]
        assert left == [f"{number:03}" for number in range(60 - len(left), 60)] and 3 < len(left) < 12
        assert opened.control.state().held_bytes <= 4096


async def test_an_event_that_is_too_large_is_dropped(room: Any, autojump_clock: Any) -> None:
    specs = [EventSpec(name="kit.large", owner="kit", fields=(Field(name="text", longest=10_000),))]
    async with room(specs=specs, longest_kb=2) as opened:
        opened.tracker.track("kit.large", text="字" * 600)
        opened.tracker.track("kit.large", text="字" * 700)
        opened.tracker.track("kit.large", text="\x01" * 400)  # six bytes each, as JSON
        assert [len(event["fields"]["text"]) for event in await kit(opened)] == [600]
        assert opened.control.state().dropped["large"] == {"kit.large": 2}


@CALM
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_arrives_as_it_was(texts: list[str]) -> None:
    from tulou_tracking.wire import line_of, opened, rows_of

    fields = {f"f{number}": text for number, text in enumerate(texts)}
    name, body = opened(rows_of([("x", "a.b", 5, fields)])[1:-1], '{"app":"1"}')
    assert name == "a.b" and json.loads(line_of(body, 7)) == {
        "id": "x", "name": "a.b", "at": 5, "sent_at": 7, "fields": {**fields, "app": "1"}}
    assert "\n" not in line_of(body, 7)


async def test_strange_texts_pass_the_disk_unharmed(room: Any, autojump_clock: Any) -> None:
    texts = ["", "\x00", "a\nb\r\u2028", '"\\', "😀王", "\x1b[31m", "</script>", "\ufeff", "\uffff"]
    async with room() as opened:
        for text in texts:
            opened.tracker.track("kit.personal", what=text)
        assert [event["fields"]["what"] for event in await kit(opened)] == texts


async def test_clocks_that_jump_harm_nobody(room: Any, autojump_clock: Any) -> None:
    async with room(Collector()) as opened:
        tracker, now = opened.tracker, [10**15]
        tracker._now = lambda: now[0]
        for moment in (10**15, 0, -5, 253_402_300_799 * 10**6 + 1, 2**62):
            now[0] = moment
            tracker.track("kit.plain", whole=1)
            await opened.control.flush()
        assert len(await kit(opened)) == 5
        await opened.control.report()
        assert opened.control.state().held == 0


# -- the pipeline --


async def test_other_plugins_may_change_leave_out_and_add(room: Any, autojump_clock: Any) -> None:
    def change(events: Sequence[Event]) -> Any:
        kept = [each._replace(fields={**each.fields, "kind": "text"}) for each in events
                if each.fields.get("whole") != 2]
        return [*kept, Event("own-id", "kit.plain", 5, {"whole": 9})] if kept else kept

    async with room(more=[processing(change)]) as opened:
        await opened.control.empty()
        for number in range(3):
            opened.tracker.track("kit.plain", whole=number)
        found = await kit(opened)
        assert [event["fields"]["whole"] for event in found] == [0, 1, 9]
        assert found[0]["fields"]["kind"] == "text" and found[2]["id"] == "own-id"


@pytest.mark.parametrize("nonsense", [
    lambda events: 5, lambda events: "text", lambda events: [None, 1, "x"], lambda events: {},
    lambda events: [each._replace(fields=None) for each in events],
    lambda events: [each._replace(id='"}{') for each in events],
    lambda events: [each._replace(id=None, at="x") for each in events],
    lambda events: [each._replace(name=["kit.plain"]) for each in events],
    lambda events: [each._replace(fields={"whole": "1"}) for each in events],
    lambda events: [each._replace(fields={"user": "anna"}) for each in events],
    lambda events: Prevent("not today"),
])
async def test_nonsense_of_a_plugin_is_dropped_and_counted(
    room: Any, autojump_clock: Any, nonsense: Any
) -> None:
    async with room(more=[processing(nonsense)]) as opened:
        opened.tracker.track("kit.plain", whole=1)
        assert await kit(opened) == []
        assert {"invalid", "prevented"} & opened.control.state().dropped.keys()


async def test_a_plugin_that_fails_is_passed_over_but_not_redaction(room: Any, autojump_clock: Any) -> None:
    def fail(events: Sequence[Event]) -> Any:
        raise RuntimeError("on purpose")

    async with room(consent="anonymous", more=[processing(fail, stage=Stage.EXTEND)]) as opened:
        opened.tracker.track("kit.personal", what="x", name="王小明")
        [event] = await kit(opened)
        assert "name" not in event["fields"]


async def test_no_plugin_can_put_personal_data_back(room: Any, autojump_clock: Any) -> None:
    def leak(events: Sequence[Event]) -> Any:
        return [each._replace(fields={**each.fields, "name": "王小明", "secret": "s"})
                for each in events if each.name == "kit.personal"]

    async with room(consent="anonymous", more=[processing(leak, trylast=True)]) as opened:
        opened.tracker.track("kit.personal", what="x")
        assert "王小明" not in str(await opened.lines()) and "secret" not in str(await opened.lines())


# -- aggregation and sampling --

COUNTED = EventSpec(name="kit.counted", owner="kit", window=60.0, fields=(
    Field(name="kind", personal=PersonalData.NONE),
    Field(name="size", type=FieldType.INTEGER, personal=PersonalData.NONE)))


async def test_equal_events_of_a_window_become_one_with_a_count(room: Any, autojump_clock: Any) -> None:
    async with room(specs=[COUNTED]) as opened:
        for _ in range(3):
            opened.tracker.track("kit.counted", kind="a", size=1)
            opened.tracker.track("kit.counted", size=1, kind="a")
            opened.tracker.track("kit.counted", kind="b")
        await trio.sleep(10)
        assert await kit(opened) == []
        opened.tracker.track("kit.counted", kind="a", size=1)
        await trio.sleep(60)
        found = {event["fields"]["kind"]: event for event in await kit(opened)}
        assert found["a"]["fields"]["count"] == 7 and found["b"]["fields"]["count"] == 3
        assert found["a"]["at"] % 60_000_000 == 0 and found["a"]["fields"]["app"]
        assert opened.control.state().held >= 2


async def test_a_count_outlives_the_run(room: Any, autojump_clock: Any) -> None:
    async with room(specs=[COUNTED]) as opened:
        opened.tracker.track("kit.counted", kind="a")
    async with room(specs=[COUNTED]) as opened:
        opened.tracker.track("kit.counted", kind="a")
        await trio.sleep(120)
        assert sum(event["fields"]["count"] for event in await kit(opened)) == 2


async def test_withdrawing_empties_counts_too(room: Any, autojump_clock: Any) -> None:
    async with room(specs=[COUNTED]) as opened:
        opened.tracker.track("kit.counted", kind="a")
        await opened.control.flush()
        await opened.control.set_consent(Consent.OFF)
        await opened.control.set_consent(Consent.FULL)
        await trio.sleep(120)
        assert await kit(opened) == []


@CALM
@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_sample_is_stable_and_grows_with_its_share(user: str, event: str, one: float, two: float) -> None:
    person = Person(b"k" * 32, b"r" * 32)
    small, large = sorted((one, two))
    assert person.sampled(user, event, small) == Person(b"k" * 32, b"other").sampled(user, event, small)
    assert person.sampled(user, event, large) or not person.sampled(user, event, small)
    assert person.sampled(user, event, 1.0) and not person.sampled(user, event, 0.0)


def test_a_sample_has_its_share_of_people_and_differs_by_event() -> None:
    person = Person(b"k" * 32, b"r" * 32)
    users = [f"u{number}@tulou.example" for number in range(4000)]
    first = {user for user in users if person.sampled(user, "a.b", 0.3)}
    second = {user for user in users if person.sampled(user, "a.c", 0.3)}
    assert 1050 < len(first) < 1350 and 1050 < len(second) < 1350
    assert 260 < len(first & second) < 460, "who is in one sample is not for that in the other"


@CALM
@given(st.integers(1, 3000), st.integers(0, 2**50), st.randoms())
def test_ids_of_a_batch_are_distinct_and_of_version_7(number: int, now: int, random: Any) -> None:
    from uuid import UUID

    found = ids(number, now, random)
    assert len(set(found)) == number and found == sorted(found)
    assert all(UUID(each).version == 7 and str(UUID(each)) == each for each in (found[0], found[-1]))


async def test_the_profile_keeps_the_keys_to_itself(room: Any, autojump_clock: Any, tmp_path: Path) -> None:
    async with room(consent="anonymous") as opened:
        opened.tracker.track("kit.personal", what="x", room="r1")
        await opened.control.flush()
        person = opened.control._standing.person
        lines = str(await opened.lines())
        assert person._rotating.hex() not in lines and person._sampling.hex() not in lines
    assert stat.S_IMODE((tmp_path / "profile").stat().st_mode) == 0o700
