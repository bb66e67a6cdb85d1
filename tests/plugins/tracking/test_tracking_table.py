"""The table: what plugins declare, what the server's signed table may say over it, and what it may not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from tracking_world import CALM, Collector, company, declaring
from hypothesis import given
from hypothesis import strategies as st
from tulou.testing import stand_in
from tulou_contracts.company import Company, Document, DocumentChanged
from tulou_contracts.tracking import (
    Consent, EventSpec, Field, FieldType, PersonalData, contribute_events,
)
from tulou_tracking.rows import Row
from tulou_tracking.table import Override, as_json, collected, fault_of

SPEC = EventSpec(name="kit.opened", owner="kit", window=60.0, fields=(
    Field(name="kind", personal=PersonalData.NONE),
    Field(name="room", personal=PersonalData.IDENTIFIER),
    Field(name="who", personal=PersonalData.PERSONAL),
))
DECLARED = {SPEC.name: SPEC}


def over(entry: Any, name: str = SPEC.name) -> tuple[EventSpec | None, list[str]]:
    table, _, problems = Override({"events": {name: entry}}).over(DECLARED)
    return table.get(name), problems


def test_a_server_may_narrow_sample_disable_and_extend() -> None:
    table, disabled, problems = Override({"events": {SPEC.name: {
        "enabled": False, "sample": 0.25, "window": 3600, "valid_until": "2030-01-31",
        "fields": {"kind": {"personal": "identifier"}, "room": None},
    }}}).over(DECLARED)
    spec = table[SPEC.name]
    assert not problems and disabled == {SPEC.name}
    assert (spec.sample, spec.window, spec.valid_until) == (0.25, 3600.0, date(2030, 1, 31))
    assert {each.name: each.personal for each in spec.fields} == {
        "kind": PersonalData.IDENTIFIER, "room": PersonalData.NEVER, "who": PersonalData.PERSONAL}


@pytest.mark.parametrize("entry, word", [
    ({"fields": {"who": {"personal": "none"}}}, "weaken"),
    ({"fields": {"room": {"personal": "none"}}}, "weaken"),
    ({"fields": {"other": {"personal": "none"}}}, "cannot add"),
    ({"fields": {"who": {"type": "text"}}}, "'type'"),
    ({"fields": {"who": {"personal": "public"}}}, "no class"),
    ({"fields": {"who": 1}}, "not an object"),
    ({"fields": ["who"]}, "not an object"),
    ({"sample": 1.5}, "between 0 and 1"),
    ({"sample": True}, "not a number"),
    ({"sample": "1"}, "not a number"),
    ({"sample": float("nan")}, "between 0 and 1"),
    ({"window": 0}, "would tell more"),
    ({"window": 1e300}, "window"),
    ({"valid_until": "tomorrow"}, "2027-12-31"),
    ({"valid_until": 20270101}, "2027-12-31"),
    ({"owner": "eve"}, "'owner'"),
    ({"enable": False}, "'enable'"),
    ("off", "not an object"),
])
def test_what_a_server_may_not_is_refused_alone_and_told(entry: Any, word: str) -> None:
    spec, problems = over(entry)
    assert spec == SPEC, "what is declared in code holds on"
    assert len(problems) == 1 and word in problems[0] and SPEC.name in problems[0]


def test_a_server_may_add_events_whose_fields_are_personal_unless_said_otherwise() -> None:
    spec, problems = over({"owner": "portal", "fields": {
        "program": {"personal": "none", "choices": ["a", "b"]}, "who": {},
        "count_of": {"type": "integer", "personal": "none"}}}, "mini.opened")
    assert not problems and spec is not None
    assert [(each.name, each.type, each.personal) for each in spec.fields] == [
        ("program", FieldType.TEXT, PersonalData.NONE), ("who", FieldType.TEXT, PersonalData.PERSONAL),
        ("count_of", FieldType.INTEGER, PersonalData.NONE)]


@pytest.mark.parametrize("name, entry", [
    ("mini.opened", {}), ("", {"owner": "x"}), ("Nope", {"owner": "x"}), ("a" * 200 + ".b", {"owner": "x"}),
    ("mini.opened", {"owner": 1}), ("mini.opened", {"owner": "x", "fields": {"user": {}}}),
    ("mini.opened", {"owner": "x", "fields": {"count": {"type": "integer"}}}),
    ("mini.opened", {"owner": "x", "fields": {"a": {"type": "blob"}}}),
    ("mini.opened", {"owner": "x", "fields": {"a": {"longest": 10**9}}}),
    ("mini.opened", {"owner": "x", "fields": {f"f{i}": {} for i in range(51)}}),
])
def test_an_added_event_that_is_wrong_is_refused_and_told(name: str, entry: Any) -> None:
    spec, problems = over(entry, name)
    assert spec is None and len(problems) == 1


@pytest.mark.parametrize("content", [{}, {"events": []}, {"events": None}, {"events": {
    f"x.e{i}": {} for i in range(2001)}}])
def test_a_document_of_another_form_is_not_used(content: Any) -> None:
    table, disabled, problems = Override(content).over(DECLARED)
    assert table == DECLARED and not disabled and len(problems) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12)
_ENTRY = st.dictionaries(st.sampled_from(
    ["enabled", "sample", "window", "valid_until", "fields", "owner", "x"]), _JSON | st.dictionaries(
        st.sampled_from(["kind", "room", "who", "x"]), _JSON | st.fixed_dictionaries(
            {"personal": st.sampled_from(["none", "identifier", "personal", "never"])})))


@CALM
@given(_ENTRY)
def test_whatever_a_server_says_no_class_becomes_weaker(entry: Any) -> None:
    spec, _ = over(entry)
    assert spec is not None and spec.window >= SPEC.window and 0 <= spec.sample <= 1
    assert len(spec.fields) == len(SPEC.fields)
    for field, declared in zip(spec.fields, SPEC.fields):
        assert field.personal >= declared.personal and field.name == declared.name


@CALM
@given(_JSON)
def test_any_content_is_read_without_a_crash(content: Any) -> None:
    Override(content if isinstance(content, dict) else {"events": content}).over(DECLARED)


def test_the_table_as_json_is_what_a_server_would_say() -> None:
    spec, problems = over(as_json(SPEC) | {"owner": "kit"}, "kit.copy")
    assert not problems and spec is not None and spec.fields == SPEC.fields


@pytest.mark.parametrize("spec", [
    EventSpec(name="opened", owner="kit"),
    EventSpec(name="kit.opened", owner=""),
    EventSpec(name="kit.opened", owner="kit", sample=2),
    EventSpec(name="kit.opened", owner="kit", window=-1),
    EventSpec(name="kit.opened", owner="kit", fields=(Field(name="a"), Field(name="a"))),
    EventSpec(name="kit.opened", owner="kit", fields=(Field(name="session"),)),
    EventSpec(name="kit.opened", owner="kit", fields=(Field(name="A b"),)),
    EventSpec(name="kit.opened", owner="kit", fields=(
        Field(name="a", type=FieldType.INTEGER, choices=("1",)),)),
    "kit.opened",
])
def test_a_wrong_declaration_is_named_and_the_others_are_used(spec: Any) -> None:
    assert fault_of(spec)
    table, problems = collected([("bad", [spec]), ("good", [SPEC]), ("none", None)])
    assert table == DECLARED and len(problems) == 2 and "'bad'" in problems[0]


def test_the_first_of_two_that_declare_a_name_otherwise_is_used() -> None:
    other = EventSpec(name=SPEC.name, owner="other")
    table, problems = collected([("kit", [SPEC]), ("same", (SPEC,)), ("other", [other])])
    assert table == DECLARED and len(problems) == 1 and "'other'" in problems[0]


def test_a_refusal_never_repeats_the_value() -> None:
    assert "王小明" not in Row(SPEC).fault({"kind": "王小明" * 100})


@CALM
@given(st.dictionaries(st.sampled_from(["kind", "room", "who"]), st.text(max_size=20)),
       st.sampled_from(list(Consent)))
def test_redaction_lets_out_no_more_than_the_class_allows(fields: dict[str, str], consent: Consent) -> None:
    left = Row(SPEC).redacted(fields, consent, lambda text: "#")
    if consent is Consent.FULL:
        assert left == fields
    else:
        assert "who" not in left and left.get("room", "#") == "#"
        assert consent is Consent.ANONYMOUS or not left


# -- in the room --


def published(content: Any) -> Document:
    return Document(kind="events", version=1, content=content, audience="", issued_at=0, valid_until=2**62)


async def test_a_new_table_of_the_server_holds_at_once(room: Any, autojump_clock: Any) -> None:
    documents: list[Document | None] = [None]
    provider = stand_in(Company, document=lambda kind: documents[0] if kind == "events" else None)
    async with room(Collector(), fakes={Company: provider}) as opened:
        opened.tracker.track("kit.plain", kind="text")
        documents[0] = published({"events": {
            "kit.plain": {"enabled": False},
            "mini.opened": {"owner": "p", "fields": {"program": {"personal": "none"}}}}})
        opened.kernel.publish(DocumentChanged(kind="events", version=1))
        await _settled()
        opened.tracker.track("kit.plain", kind="text")
        opened.tracker.track("mini.opened", program="a")
        names = [event["name"] for event in await opened.lines()]
        assert names.count("kit.plain") == 1 and names.count("mini.opened") == 1
        assert opened.control.state().dropped["disabled"] == {"kit.plain": 1}
        documents[0] = None
        opened.kernel.publish(DocumentChanged(kind="events", version=0))
        await _settled()
        opened.tracker.track("kit.plain", kind="text")
        assert [event["name"] for event in await opened.lines()].count("kit.plain") == 2


async def _settled() -> None:
    import trio

    for _ in range(20):
        await trio.lowlevel.checkpoint()


async def test_a_hostile_table_changes_nothing_and_is_told(room: Any, autojump_clock: Any) -> None:
    document = published({"events": {"kit.personal": {"fields": {"name": {"personal": "none"}}}}})
    provider = stand_in(Company, document=lambda kind: document)
    async with room(Collector(), fakes={Company: provider}, consent="anonymous") as opened:
        opened.tracker.track("kit.personal", what="x", name="王小明")
        assert "王小明" not in str(await opened.lines())
        assert any("weaken" in problem for problem in opened.control.state().problems)


async def test_an_event_is_kept_until_its_last_day(room: Any, autojump_clock: Any) -> None:
    specs = [EventSpec(name="kit.old", owner="kit", valid_until=date(2025, 12, 31)),
             EventSpec(name="kit.today", owner="kit", valid_until=date(2026, 1, 1))]
    async with room(specs=specs) as opened:
        opened.tracker.track("kit.old")
        opened.tracker.track("kit.today")
        assert "kit.today" in str(await opened.lines()) and "kit.old" not in str(await opened.lines())
        assert opened.control.state().dropped["expired"] == {"kit.old": 1}


async def test_a_plugin_may_track_what_it_has_just_declared(room: Any, autojump_clock: Any) -> None:
    async with room() as opened:
        from tulou import Plugin

        late = EventSpec(name="late.came", owner="late")

        from contextlib import asynccontextmanager

        from tulou import implements
        from tulou_contracts.tracking import Tracker

        class Late:
            @implements(contribute_events)
            def contribute_events(self) -> Sequence[EventSpec]:
                return [late]

        @asynccontextmanager
        async def run(ctx: Any) -> Any:
            ctx.implement(Late())
            ctx.service(Tracker).track("late.came")  # before anybody had a turn
            yield

        plugin = Plugin(name="late", run=run, requires=(Tracker,))
        async with room(folder=opened.kernel.profile.parent / "other", more=[plugin]) as second:
            assert "late.came" in str(await second.lines())
            assert "late.came" in [spec.name for spec in second.control.table()]


async def test_a_plugin_that_fails_to_declare_harms_only_itself(room: Any, autojump_clock: Any) -> None:
    class Broken:
        def __iter__(self) -> Any:
            raise RuntimeError("on purpose")

    bad: Any = Broken()
    async with room(more=[declaring(bad, name="bad")]) as opened:
        opened.tracker.track("kit.plain", whole=1)
        assert "kit.plain" in str(await opened.lines())
        assert any("'bad'" in problem for problem in opened.control.state().problems)


async def test_in_development_what_the_table_refuses_is_raised(room: Any, autojump_clock: Any) -> None:
    from tulou_contracts.tracking import EventInvalid, EventUnknown

    async with room(development=True, consent="off") as opened:
        with pytest.raises(EventUnknown, match="kit.nothing"):
            opened.tracker.track("kit.nothing")
        with pytest.raises(EventInvalid, match="strange"):
            opened.tracker.track("kit.plain", strange=1)
        opened.tracker.track("kit.plain", whole=1)


def test_the_collector_of_the_tests_is_a_company() -> None:
    assert company(Collector()).report is not None
