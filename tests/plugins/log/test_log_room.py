"""The room in a kernel: levels that last, wishes of the company, requests of the server, bad ends."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tulou_log
from log_kit import lines
from tulou_log.page import LogPages
from tulou_log.reading import read

import trio.testing
from tulou import Composition, Kernel, Plugin
from tulou.app_events import AccountChanged
from tulou.testing.kit import boot
from tulou.testing.stand_in import stand_in
from tulou_contracts.company import Company, Document, DocumentChanged
from tulou_contracts.identity import Account, Identity
from tulou_contracts.logs import LogFilter, Logs, LogsError, NotSent, Verbosity
from tulou_contracts.network import HttpResponse
from tulou_contracts.transport import SignalReceived
from tulou_contracts.ui import Notice, Notices, PageMethod, contribute_ui


class Board:
    """Shows notices."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    def show(self, notice: Notice) -> None:
        self.notices[notice.id] = notice

    def withdraw(self, notice_id: str) -> None:
        self.notices.pop(notice_id, None)


class FakeCompany:
    """Has one document and takes reports."""

    url: str | None = "https://company.example"

    def __init__(self) -> None:
        self.now: Document | None = None
        self.reports: list[dict[str, Any]] = []
        self.status = 204

    def issue(self, version: int, content: dict[str, Any]) -> DocumentChanged:
        self.now = Document(kind="logging", version=version, content=content, audience="tulou", issued_at=0,
                            valid_until=1 << 60)
        return DocumentChanged(kind="logging", version=version)

    def document(self, kind: str) -> Document | None:
        return self.now if kind == "logging" else None

    async def refresh(self, kind: str) -> Document | None:
        return self.document(kind)

    async def report(self, collector: str, body: bytes, **more: Any) -> HttpResponse:
        self.reports.append({"collector": collector, "body": body, **more})
        return HttpResponse(status=self.status)


class House:
    """A kernel with the room and fakes of what it wants."""

    def __init__(self) -> None:
        self.board, self.company = Board(), FakeCompany()

    def boot(self, profile: Path, **config: Any) -> Any:
        identity = stand_in(Identity, account=Account(address="li@office.example"))
        return boot(tulou_log.plugin, profile=profile, config={"log": config}, fakes={
            Notices: self.board, Company: self.company, Identity: identity})


async def call(kernel: Kernel, name: str, **params: Any) -> Any:
    """A method of the page."""
    for answer in await kernel.hook(contribute_ui)():
        for each in answer:
            if isinstance(each, PageMethod) and each.name == name:
                return await each.handler(params)
    raise AssertionError(name)


@pytest.fixture
def house() -> House:
    return House()


def enabled(module: str, level: int) -> bool:
    return logging.getLogger(f"tulou.plugin.{module}").isEnabledFor(level)


async def test_what_a_program_does_for_one_of_its_apps_is_in_that_ones_log_only(tmp_path: Path) -> None:
    log = logging.getLogger("tulou.plugin.auth")
    async with House().boot(tmp_path / "anna") as anna, House().boot(tmp_path / "bowen") as bowen:
        for kernel, words in ((anna, "anna is here"), (bowen, "bowen is here")):
            with kernel.acting():
                log.warning(words)
        log.warning("nobody said whose")
    told = {name: {each["message"] for each in lines(tmp_path / name / "log")} for name in ("anna", "bowen")}
    for name, other in (("anna", "bowen"), ("bowen", "anna")):
        assert {f"{name} is here", "nobody said whose"} <= told[name]
        assert f"{other} is here" not in told[name]


async def test_levels_last(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path) as kernel:
        await kernel.service(Logs).set_level("im", Verbosity.DEBUG)
        assert enabled("im", logging.DEBUG) and not enabled("net", logging.DEBUG)
    assert not enabled("im", logging.DEBUG), "the loggers are as they were"
    async with house.boot(tmp_path) as kernel:
        assert kernel.service(Logs).levels()["im"] is Verbosity.DEBUG
        assert enabled("im", logging.DEBUG)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b'{"levels":{"im":"loud"}}', b"\xff\xfe", b'{"levels":3}', b'{"levels":' + b"[" * 9000])
async def test_a_damaged_file_of_levels_says_nothing(tmp_path: Path, house: House, content: bytes) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "levels.json").write_bytes(content)
    async with house.boot(tmp_path, level="warning") as kernel:
        logs = kernel.service(Logs)
        assert logs.levels() == {"": Verbosity.WARNING}
        await logs.set_level("im", Verbosity.INFO)
        assert logs.levels()["im"] is Verbosity.INFO


async def test_a_level_that_cannot_be_kept_is_told_and_does_not_hold(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path) as kernel:
        (tmp_path / "log" / "levels.json.new").mkdir()
        with pytest.raises(LogsError, match="cannot be kept"):
            await kernel.service(Logs).set_level("im", Verbosity.DEBUG)
        assert not enabled("im", logging.DEBUG)


async def test_the_company_may_ask_for_less_at_once_and_for_more_only_with_consent(
    tmp_path: Path, house: House
) -> None:
    async with house.boot(tmp_path) as kernel:
        logs = kernel.service(Logs)
        kernel.publish(house.company.issue(3, {"levels": {"im": "debug", "net": "error"}}))
        await trio.testing.wait_all_tasks_blocked()
        assert not enabled("im", logging.DEBUG) and not enabled("net", logging.WARNING)
        assert logs.wishes() == {"im": Verbosity.DEBUG}
        assert house.board.notices["log-wishes"].url == "tulou://app/log"
        state = await call(kernel, "log.answer", consent=True)
        assert enabled("im", logging.DEBUG) and not state["wishes"]
        assert not house.board.notices
    async with house.boot(tmp_path) as kernel:  # the answer lasts, for this document
        assert enabled("im", logging.DEBUG) and not kernel.service(Logs).wishes()
        kernel.publish(house.company.issue(4, {"levels": {"im": "debug", "": "debug"}}))
        await trio.testing.wait_all_tasks_blocked()
        assert not enabled("im", logging.DEBUG), "another document is another question"
        await call(kernel, "log.answer", consent=False)
        assert not enabled("im", logging.DEBUG) and not kernel.service(Logs).wishes()
        house.company.now = None
        kernel.publish(DocumentChanged(kind="logging", version=0))
        await trio.testing.wait_all_tasks_blocked()
        assert kernel.service(Logs).levels() == {"": Verbosity.INFO}


@pytest.mark.parametrize("content", [
    {"levels": []}, {"levels": {"im": 10}}, {"levels": {"../x": "debug"}}, {"levels": {"im": "very"}},
    {"levels": {str(each): "debug" for each in range(1000)}}])
async def test_a_document_that_is_not_of_its_form_changes_nothing(
    tmp_path: Path, house: House, content: dict[str, Any]
) -> None:
    async with house.boot(tmp_path) as kernel:
        await kernel.service(Logs).set_level("im", Verbosity.ERROR)
        kernel.publish(house.company.issue(1, content))
        await trio.testing.wait_all_tasks_blocked()
        assert kernel.service(Logs).levels() == {"": Verbosity.INFO, "im": Verbosity.ERROR}
        assert not house.board.notices


def asked(sender: str = "office.example", **content: str) -> SignalReceived:
    return SignalReceived(sender=sender, name="log.request", content={"id": "r1", **content})


async def test_the_server_asks_and_a_person_answers(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path) as kernel:
        logging.getLogger("tulou.plugin.subject").error("number %d", 7)
        kernel.publish(asked(since="5", reason="ticket 12"))
        await trio.testing.wait_all_tasks_blocked()
        assert house.board.notices["log-r1"].url == "tulou://app/log?request=r1"
        assert house.company.reports == []
        state = await call(kernel, "log.state")
        assert state["requests"] == [{"id": "r1", "since": 5, "until": None, "reason": "ticket 12"}]
        made = await call(kernel, "log.preview", since=5)
        with pytest.raises(LogsError, match="agrees"):
            await call(kernel, "log.send", id=made["id"], request="r1")
        assert house.company.reports == []
        await call(kernel, "log.send", id=made["id"], request="r1", consent=True)
        (report,) = house.company.reports
        assert gzip.decompress(report["body"]).decode() == made["text"] and "7" in made["text"]
        assert report["collector"] == "logs" and len(report["body"]) == made["size"]
        assert not house.board.notices


@pytest.mark.parametrize("signal", [
    asked("mallory@office.example"), asked("notoffice.example"), asked("room@talk.office.example"),
    asked("evil.example"), asked(""), asked(id=""), asked(id="../../x"),
    asked(since="yesterday"), asked(id="x" * 1000), asked(until="1e400")])
async def test_nobody_else_can_make_it_ask(tmp_path: Path, house: House, signal: SignalReceived) -> None:
    async with house.boot(tmp_path) as kernel:
        kernel.publish(signal)
        await trio.testing.wait_all_tasks_blocked()
        assert not house.board.notices
        assert (await call(kernel, "log.state"))["requests"] == []


async def test_a_flood_of_requests_is_bounded(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path) as kernel:
        for each in range(200):
            kernel.publish(asked(id=f"r{each}"))
        await trio.testing.wait_all_tasks_blocked()
        assert len((await call(kernel, "log.state"))["requests"]) <= 20


async def test_after_a_bad_end_the_last_log_is_offered(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path):
        pass
    async with house.boot(tmp_path):
        assert not house.board.notices
    ring = bytearray((tmp_path / "log" / "ring").read_bytes())
    ring[6 * 8] = 0  # as if it had not taken leave
    (tmp_path / "log" / "ring").write_bytes(ring)
    (tmp_path / "log" / "crash.txt").write_text(
        'Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n'
        '  File "/data/li/Geheim/app/room.py", line 12 in work\n')
    async with house.boot(tmp_path) as kernel:
        assert house.board.notices["log-crash"].url == "tulou://app/log?request=crash"
        made = await call(kernel, "log.preview")
        head = json.loads(made["text"].splitlines()[0])
        assert head["crash"][0] == "Fatal Python error: Segmentation fault"
        assert head["crash"][-1].endswith("room.py:work:12")
        assert "Geheim" not in made["text"]
        await call(kernel, "log.dismiss", request="crash")
        assert not house.board.notices


async def test_a_report_that_nobody_takes_is_told(tmp_path: Path, house: House) -> None:
    async with house.boot(tmp_path) as kernel:
        logging.getLogger("tulou.plugin.subject").error("anything")
        made = await call(kernel, "log.preview")
        house.company.status = 500
        with pytest.raises(NotSent, match="500"):
            await call(kernel, "log.send", id=made["id"], consent=True)
        house.company.url = None
        with pytest.raises(NotSent, match="no company service"):
            await call(kernel, "log.send", id=made["id"], consent=True)
        house.company.url, house.company.status = "https://company.example", 200
        assert (await call(kernel, "log.send", id=made["id"], consent=True))["id"] == made["id"]
        with pytest.raises(LogsError, match="preview"):
            await call(kernel, "log.send", id=made["id"], consent=True)


async def test_each_app_of_a_process_keeps_its_own(tmp_path: Path) -> None:
    def speaker(word: str) -> Plugin:
        @asynccontextmanager
        async def run(ctx: Any) -> Any:
            async def later(_: AccountChanged) -> None:
                ctx.log.warning("handled %s", word)

            ctx.subscribe(AccountChanged, later)
            yield

        return Plugin(name="speaker", run=run)

    async def one(word: str, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        kernel = Kernel(Composition.of("log", "speaker"), profile=tmp_path / word,
                        plugins=[tulou_log.plugin, speaker(word)])
        async with kernel.running():
            task_status.started(kernel)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        anna = await nursery.start(one, "anna")
        await nursery.start(one, "bowen")
        async with Kernel(Composition.of("log", "speaker"), profile=tmp_path / "carl",
                          plugins=[tulou_log.plugin, speaker("carl")]).running() as carl:
            anna.publish(AccountChanged("a"))
            carl.publish(AccountChanged("c"))
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    said = {word: [each.message for each in read(tmp_path / word / "log", LogFilter(module="speaker"))]
            for word in ("anna", "bowen", "carl")}
    assert said == {"anna": ["handled anna"], "bowen": [], "carl": ["handled carl"]}


def test_pages_answer_without_a_room() -> None:
    assert LogPages(stand_in(Logs), None).contribute_ui()


@pytest.mark.parametrize("sender", ["office.example", "Office.Example", "company.office.example"])
async def test_a_component_of_our_server_may_ask_too(tmp_path: Path, house: House, sender: str) -> None:
    async with house.boot(tmp_path) as kernel:
        kernel.publish(asked(sender))
        await trio.testing.wait_all_tasks_blocked()
        assert "log-r1" in house.board.notices


def test_where_the_interpreter_died_is_noted_and_offered(tmp_path: Path) -> None:
    code = ("import faulthandler, sys, trio, tulou_log\n"
            "from tulou import Composition, Kernel\n"
            "async def main():\n"
            "    kernel = Kernel(Composition.of('log'), profile=sys.argv[1], plugins=[tulou_log.plugin])\n"
            "    async with kernel.running():\n"
            "        if sys.argv[2] == 'die': faulthandler._sigsegv()\n"
            "        import logging\n"
            "        from tulou_contracts.logs import Logs\n"
            "        from tulou_log.reports import unpacked\n"
            "        print(unpacked(await kernel.service(Logs).prepare()))\n"
            "trio.run(main)\n")

    def start(how: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, str(tmp_path), how], text=True,
                              capture_output=True, timeout=60, check=False)

    assert start("die").returncode < 0
    after = start("look")
    assert after.returncode == 0, after.stderr
    head = json.loads(after.stdout.splitlines()[0])
    assert head["crash"][0] == "Fatal Python error: Segmentation fault" and "<string>" in str(head["crash"])
    assert "the last run ended" in after.stdout
