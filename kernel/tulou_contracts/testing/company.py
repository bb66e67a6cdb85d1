"""Conformance of `Company` and `Flags`, and fakes of both for other rooms' tests.

Subclass the suite in a test module and say how to open a client of a company that a test plays::

    class TestMine(CompanyConformance):
        @asynccontextmanager
        async def open(self):
            async with my_client() as (company, flags, events, issue):
                yield CompanyPlay(company, flags, events, issue)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from tulou_contracts.company import (
    Company, Document, DocumentChanged, Flags, FlagsChanged, NoCompany, V,
)
from tulou_contracts.network import HttpResponse

PATIENCE = 10_000.0


class FakeCompany:
    """`Company` and `Flags` in memory: a test issues what it likes, and sees what was reported."""

    def __init__(
        self, publish: Callable[[object], object] | None = None, *,
        url: str | None = "https://company.test",
    ) -> None:
        self.url = url
        self.reports: list[tuple[str, bytes, str, Mapping[str, str]]] = []
        """(collector, body, content type, headers) of each report."""
        self.answers: list[HttpResponse | Exception] = []
        """What the next reports are answered; afterwards 200."""
        self._publish = publish or (lambda event: None)
        self._documents: dict[str, Document] = {}

    def issue(self, kind: str, content: Mapping[str, Any] | None, version: int | None = None) -> None:
        """Let a document hold; None as content: none does any more."""
        former = self._documents.pop(kind, None)
        before = self._flags(former)
        if content is not None:
            number = version or (former.version if former else 0) + 1
            self._documents[kind] = Document(
                kind=kind, version=number, content=content, audience="tulou", issued_at=1,
                valid_until=1 << 61)
        held = self._documents.get(kind)
        self._publish(DocumentChanged(kind=kind, version=held.version if held else 0))
        after = self._flags(held)
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if kind == "configuration" and names:
            self._publish(FlagsChanged(names=frozenset(names)))

    def document(self, kind: str) -> Document | None:
        """See `Company`."""
        return self._documents.get(kind)

    async def refresh(self, kind: str) -> Document | None:
        """See `Company`."""
        await trio.lowlevel.checkpoint()
        self._check()
        return self._documents.get(kind)

    async def report(
        self, collector: str, body: bytes, *, content_type: str,
        headers: Mapping[str, str] | None = None, timeout: float = 30.0,
    ) -> HttpResponse:
        """See `Company`."""
        await trio.lowlevel.checkpoint()
        self._check()
        self.reports.append((collector, body, content_type, dict(headers or {})))
        answer = self.answers.pop(0) if self.answers else HttpResponse(status=200, body=b"{}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def value(self, name: str, default: V) -> V:
        """See `Flags`."""
        found: Any = self._flags(self._documents.get("configuration")).get(name)
        if type(default) is float and type(found) is int:
            found = float(found)
        return found if type(found) is type(default) else default

    def _check(self) -> None:
        if self.url is None:
            raise NoCompany("this test has no company")

    @staticmethod
    def _flags(document: Document | None) -> Mapping[str, Any]:
        flags = document.content.get("flags") if document is not None else None
        return flags if isinstance(flags, Mapping) else {}


@dataclass
class CompanyPlay:
    """A client and its company. `issue` publishes a document (None: withdraws it) and returns when the
    client could know; `events` gets what the client publishes."""

    company: Company
    flags: Flags
    events: list[object]
    issue: Callable[[str, Mapping[str, Any] | None], Awaitable[None]]


class CompanyConformance:
    """See the module."""

    def open(self) -> AbstractAsyncContextManager[CompanyPlay]:
        """A client of a company."""
        raise NotImplementedError("a conformance suite's subclass says how to open a client")

    @asynccontextmanager
    async def _play(self) -> AsyncIterator[CompanyPlay]:
        async with self.open() as play:
            with trio.fail_after(PATIENCE):
                yield play

    async def test_what_is_issued_holds_and_is_told(self) -> None:
        async with self._play() as play:
            assert play.company.document("policy") is None
            await play.issue("policy", {"附件": False})
            held = play.company.document("policy")
            assert held is not None and held.kind == "policy" and held.content == {"附件": False}
            assert play.company.document("routes") is None
            assert await play.company.refresh("policy") == held
            assert DocumentChanged(kind="policy", version=held.version) in play.events

    async def test_a_later_issue_has_a_higher_version(self) -> None:
        async with self._play() as play:
            await play.issue("policy", {"n": 1})
            first = play.company.document("policy")
            await play.issue("policy", {"n": 2})
            second = play.company.document("policy")
            assert first is not None and second is not None
            assert second.version > first.version and second.content == {"n": 2}

    async def test_what_is_withdrawn_does_not_hold(self) -> None:
        async with self._play() as play:
            await play.issue("policy", {"n": 1})
            await play.issue("policy", None)
            assert play.company.document("policy") is None
            assert await play.company.refresh("policy") is None
            assert play.events[-1] == DocumentChanged(kind="policy", version=0)

    async def test_flags_have_the_type_of_their_default(self) -> None:
        async with self._play() as play:
            assert play.flags.value("new-search", False) is False
            await play.issue("configuration", {"flags": {"new-search": True, "rows": 50, "土": "楼", "s": 2}})
            assert play.flags.value("new-search", False) is True
            assert play.flags.value("new-search", "off") == "off"
            assert play.flags.value("rows", 10) == 50 and play.flags.value("rows", False) is False
            assert play.flags.value("土", "") == "楼" and play.flags.value("nothing", 7) == 7
            scale = play.flags.value("s", 1.5)
            assert scale == 2.0 and isinstance(scale, float)

    async def test_a_change_of_flags_names_those_that_changed(self) -> None:
        async with self._play() as play:
            await play.issue("configuration", {"flags": {"a": 1, "b": True}})
            await play.issue("configuration", {"flags": {"a": 2, "b": True, "c": "x"}})
            await play.issue("configuration", {"flags": "nonsense"})
            assert play.flags.value("a", 0) == 0
            told = [each.names for each in play.events if isinstance(each, FlagsChanged)]
            assert told == [frozenset("ab"), frozenset("ac"), frozenset("abc")]

    async def test_a_report_is_answered(self) -> None:
        async with self._play() as play:
            answer = await play.company.report(
                "events", b'{"id":"1","name":"x"}\n', content_type="application/x-ndjson",
                headers={"tulou-anonymous": "1"})
            assert answer.status == 200

    async def test_a_kind_nobody_issues_is_none(self) -> None:
        async with self._play() as play:
            assert await play.company.refresh("nothing-here") is None


@pytest.fixture
def fake_company() -> FakeCompany:
    """A company in memory."""
    return FakeCompany()
