"""A real service in a process of its own, real clients: strangers' tokens, floods, and documents that must
not count because they are foreign, old, over or from tomorrow."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.company import Company, DocumentRefused
from tulou_contracts.identity import Identity
from tulou_contracts.network import HttpClient, HttpRequest, HttpResponse
from tulou_contracts.transport import ConnectionState, Signalling, Transport

for each in ("store", "net", "crypto", "auth", "xmpp", "company"):
    pytest.importorskip(f"tulou_{each}", reason=f"needs {each}: this is a whole client")

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("company_standing.py")


class Service:
    """A process that runs, and its administrator."""

    def __init__(self, profile: Path, said: dict[str, str]) -> None:
        self.profile, self.said = profile, said

    async def order(self, *arguments: str, stdin: object = None) -> str:
        ended = await trio.run_process(
            [sys.executable, "-m", "tulou", "company-service", "--profile", str(self.profile), *arguments],
            stdin=json.dumps(stdin).encode(), capture_stdout=True, capture_stderr=True)
        return ended.stdout.decode()

    async def publish(self, kind: str, content: object, *more: str) -> str:
        return await self.order("publish", kind, "-", *more, stdin=content)


@contextmanager
def serving(profile: Path, *, ahead: float = 0, **settings: object) -> Iterator[Service]:
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(profile), str(ahead), json.dumps(settings)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "the service did not start"
        yield Service(profile, json.loads(line))
        assert process.poll() is None, "the service has died of it"
    finally:
        process.communicate(timeout=30)


@asynccontextmanager
async def client(profile: Path, service: Service, name: str = "lin", key: str = "") -> AsyncIterator[Kernel]:
    composition = (
        Composition.load("headless").with_plugin("company")
        .with_config("xmpp", endpoint=service.said["endpoint"]).with_config("crypto", keyring="file")
        .with_config("net", retries=0)
        .with_config("company", root_keys=[key or service.said["root_key"]], spread=0.0))
    async with Kernel(composition, profile=profile).running() as kernel:
        if kernel.service(Identity).account is None:
            await kernel.service(Identity).sign_in(f"{name}@tulou.localhost", "secret")
        await until(lambda: kernel.service(Transport).state.state is ConnectionState.ONLINE)
        yield kernel


async def until(true: Callable[[], Any]) -> None:
    with trio.fail_after(30):
        while not true():
            await trio.sleep(0.05)


async def token_of(kernel: Kernel) -> str:
    asking = kernel._house.services.get(Signalling) if False else kernel.service(Signalling)
    return str((await asking.ask("", "company.token", {}))["token"])


async def sent(kernel: Kernel, service: Service, path: str, token: str, body: bytes | None = None,
               **headers: str) -> HttpResponse:
    url = service.said["url"]
    given = {"authorization": f"Bearer {token}", "origin": url,
             **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await kernel.service(HttpClient).send(HttpRequest(
        url=url + path, method="GET" if body is None else "POST", body=body or b"", headers=given,
        timeout=30))


async def test_a_token_is_good_for_its_own_account_and_a_strangers_for_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "server") as service:
        await service.publish("policy", {"for": "lin"}, "--account", "lin@tulou.localhost")
        async with (client(tmp_path / "lin", service) as lin,
                    client(tmp_path / "wang", service, "wang") as wang):
            await until(lambda: lin.service(Company).document("policy"))
            assert await wang.service(Company).refresh("policy") is None
            own, other = await token_of(lin), await token_of(wang)
            for_lin = json.loads((await sent(wang, service, "/documents", own)).body)["documents"]
            assert len(for_lin) == 1
            assert json.loads((await sent(lin, service, "/documents", other)).body)["documents"] == []
            for wrong in ("", "x" * 5000, own[:-1], own + "x", f"{own} {other}", own.swapcase(), "a.b.c"):
                assert (await sent(lin, service, "/documents", wrong)).status == 401
                assert (await sent(lin, service, "/collect/events", wrong, b"{}\n")).status == 401
            assert (await sent(lin, service, "/documents", own)).status == 200
            assert "events: 0" in await service.order("counts")


async def test_a_flood_is_refused_and_costs_nobody_else_anything(tmp_path: Path) -> None:
    with serving(tmp_path / "server", max_report=20_000, report_rate=100_000, request_rate=30,
                 quota_events=1 << 16) as service:
        async with (client(tmp_path / "lin", service) as lin,
                    client(tmp_path / "wang", service, "wang") as wang):
            flood, calm = await token_of(lin), await token_of(wang)
            statuses: list[int] = []

            async def one(number: int) -> None:
                kinds: list[tuple[bytes, dict[str, str]]] = [
                    (b"".join(b'{"id":"%d-%d","name":"f"}\n' % (number, i) for i in range(50)), {}),
                    (b"\xff" * 15_000, {}), (b"{" * 19_000, {}), (b"x" * 30_000, {}), (b"\n" * 19_000, {}),
                    (gzip.compress(b" " * (4 << 20)), {"content_encoding": "gzip"}),
                ]
                body, headers = kinds[number % len(kinds)]
                path = ("/collect/events", "/collect/logs")[number % 7 == 0]
                statuses.append((await sent(lin, service, path, flood, body, **headers)).status)

            async with trio.open_nursery() as nursery:
                for number in range(120):
                    nursery.start_soon(one, number)
            assert set(statuses) <= {200, 400, 413, 415, 422, 429, 507} and 429 in statuses, statuses
            assert 200 in statuses and 413 in statuses
            answer = await sent(wang, service, "/collect/events", calm, b'{"id":"1","name":"calm"}\n')
            assert answer.status == 200
            assert "       1  calm" in await service.order("counts")


async def test_what_another_key_signed_does_not_count(tmp_path: Path) -> None:
    with serving(tmp_path / "ours") as ours:
        key = ours.said["root_key"]
    with serving(tmp_path / "foreign") as foreign:
        await foreign.publish("policy", {"evil": True})
        async with client(tmp_path / "lin", foreign, key=key) as lin:
            with pytest.raises(DocumentRefused, match="no pinned key"):
                await lin.service(Company).refresh("policy")
            assert lin.service(Company).document("policy") is None


async def test_a_service_set_back_to_an_old_backup_cannot_bring_an_old_document_back(tmp_path: Path) -> None:
    server, backup = tmp_path / "server", tmp_path / "backup"
    with serving(server) as service:
        await service.publish("policy", {"n": 1})
    shutil.copytree(server, backup)
    with serving(server) as service:
        await service.publish("policy", {"n": 2})
        async with client(tmp_path / "lin", service) as lin:
            await until(lambda: lin.service(Company).document("policy"))
    with serving(backup) as service:
        async with client(tmp_path / "lin", service) as lin:
            with pytest.raises(DocumentRefused, match="older"):
                await lin.service(Company).refresh("policy")
            assert lin.service(Company).document("policy").content == {"n": 2}  # type: ignore[union-attr]
            await service.publish("policy", {"n": 3}, "--at-least", "3")
            await until(lambda: lin.service(Company).document("policy").content == {"n": 3})  # type: ignore


async def test_a_document_ends_when_its_time_is_over(tmp_path: Path) -> None:
    with serving(tmp_path / "server") as service:
        async with client(tmp_path / "lin", service) as lin:
            await service.publish("policy", {"n": 1}, "--valid-days", str(4 / 86_400))
            await until(lambda: lin.service(Company).document("policy"))
            await until(lambda: lin.service(Company).document("policy") is None)
        assert "RAN OUT" in await service.order("list")
        async with client(tmp_path / "lin", service) as lin:
            assert await lin.service(Company).refresh("policy") is None
        async with client(tmp_path / "wang", service, "wang") as wang:
            with suppress(DocumentRefused):
                assert await wang.service(Company).refresh("policy") is None
            assert wang.service(Company).document("policy") is None


async def test_a_service_whose_clock_jumps_harms_no_client(tmp_path: Path) -> None:
    server = tmp_path / "server"
    with serving(server) as service:
        await service.publish("policy", {"n": 1})
        async with client(tmp_path / "lin", service) as lin:
            await until(lambda: lin.service(Company).document("policy"))
    with serving(server, ahead=40 * 86_400) as service:  # next month
        await service.publish("policy", {"n": 2})
        async with client(tmp_path / "lin", service) as lin:
            with pytest.raises(DocumentRefused, match="clock"):
                await lin.service(Company).refresh("policy")
            assert lin.service(Company).document("policy").content == {"n": 1}  # type: ignore[union-attr]
    with serving(server, ahead=-40 * 86_400) as service:  # and back
        assert "policy 3" in await service.publish("policy", {"n": 3})
