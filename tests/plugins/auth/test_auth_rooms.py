"""auth together with the real crypto and store, in a kernel."""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

import auth_crash_lab as lab
from auth_fakes import authenticator_plugin, kernel_on, open_on
from tulou import Composition, Kernel
from tulou_auth import plugin
from tulou_contracts.crypto import Keyring
from tulou_contracts.identity import Authenticator, Credentials, Identity, ServerUnavailable, WrongPassword
from tulou_contracts.testing.identity import CANARY, LIN, FakeAuthenticator

for room in ("tulou_store", "tulou_crypto"):
    pytest.importorskip(room, reason="needs store and crypto as they are")

WU = "吴@公司.中国"


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def files_with(needle: str, folder: Path) -> list[Path]:
    """The files that hold a text in one of the forms in which it could be written down."""
    import base64
    import json

    forms = [needle.encode(), needle.encode("utf-16-le"), json.dumps(needle)[1:-1].encode()]
    forms += [base64.b64encode(needle.encode()).rstrip(b"="), needle.encode().hex().encode()]
    return [path for path in folder.rglob("*") if path.is_file()
            for data in [path.read_bytes()] if any(form in data for form in forms)]


async def test_no_file_log_or_error_holds_the_password(
    tmp_path: Path, all_logs: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server = FakeAuthenticator()
    wrong = "wrong-" + CANARY
    told = []
    for _ in range(2):
        async with open_on(kernel_on(tmp_path, server)) as profile:
            await profile.identity.sign_in(LIN, CANARY, "wss://example.org/ws")
            with pytest.raises(WrongPassword) as caught:
                await profile.identity.sign_in(LIN, wrong)
            told.append(str(caught.value) + repr(caught.value))
            assert await profile.credentials.current() is not None
            assert files_with(CANARY, tmp_path) == []
            assert LIN.encode() in b"".join(p.read_bytes() for p in tmp_path.rglob("*.json*"))
    async with open_on(kernel_on(tmp_path, server)) as profile:
        await profile.credentials.rejected("not-authorized")
        assert files_with(CANARY, tmp_path) == []
    assert files_with(CANARY, tmp_path) == []
    printed = capfd.readouterr()
    assert all_logs.records
    assert CANARY not in all_logs.text + printed.out + printed.err + "".join(told)


async def test_the_search_for_the_canary_finds_one(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(f'{{"password": "{CANARY}"}}', "utf-8")
    assert files_with(CANARY, tmp_path) == [tmp_path / "x.json"]


async def test_two_profiles_in_one_process_do_not_mix(tmp_path: Path) -> None:
    server = FakeAuthenticator({LIN: CANARY, WU: "密码"})
    for _ in range(2):
        async with (
            open_on(kernel_on(tmp_path / "one", server)) as one,
            open_on(kernel_on(tmp_path / "二", server)) as two,
        ):
            if not one.identity.signed_in:
                await one.identity.sign_in(LIN, CANARY)
                await two.identity.sign_in(WU, "密码")
                assert (await one.seen(), await two.seen()) == ([LIN], [WU])
            mine, theirs = await one.credentials.current(), await two.credentials.current()
            assert mine is not None and (mine.account.address, mine.password) == (LIN, CANARY)
            assert theirs is not None and (theirs.account.address, theirs.password) == (WU, "密码")
    async with (
        open_on(kernel_on(tmp_path / "one", server)) as one,
        open_on(kernel_on(tmp_path / "二", server)) as two,
    ):
        await one.identity.sign_out()
        assert two.identity.signed_in and await two.credentials.current() is not None


async def test_whoever_asks_the_server_may_come_and_go(tmp_path: Path) -> None:
    kernel = kernel_on(tmp_path, FakeAuthenticator())
    async with open_on(kernel) as profile:
        await kernel.disable("fake-wire")
        with pytest.raises(ServerUnavailable, match="not installed or not running"):
            await profile.identity.sign_in(LIN, CANARY)
        await kernel.enable("fake-wire")
        await profile.identity.sign_in(LIN, CANARY)
        await kernel.disable("fake-wire")
        assert profile.identity.signed_in and await profile.credentials.current() is not None


async def test_auth_starts_without_anybody_who_asks_servers(tmp_path: Path) -> None:
    async with open_on(kernel_on(tmp_path)) as profile:
        assert profile.identity.account is None


async def test_a_damaged_keyring_means_to_sign_in_again(
    tmp_path: Path, all_logs: pytest.LogCaptureFixture
) -> None:
    server = FakeAuthenticator()
    async with open_on(kernel_on(tmp_path, server)) as profile:
        await profile.identity.sign_in(LIN, CANARY)
    (file,) = tmp_path.rglob("keyring")
    file.write_bytes(file.read_bytes()[:-20])
    async with open_on(kernel_on(tmp_path, server)) as profile:
        assert await profile.credentials.current() is None
        assert not profile.identity.signed_in
        account = profile.identity.account
        assert account is not None and account.address == LIN
        assert "is damaged" in all_logs.text
        assert list(tmp_path.rglob("keyring.damaged-*"))
        await profile.identity.sign_in(LIN, CANARY)
        assert await profile.seen() == [None, LIN]


async def test_a_missing_key_file_touches_nothing(tmp_path: Path) -> None:
    server = FakeAuthenticator()
    async with open_on(kernel_on(tmp_path, server)) as profile:
        await profile.identity.sign_in(LIN, CANARY)
    (key,) = tmp_path.rglob("keyring.key")
    away = key.rename(tmp_path / "away.key")
    async with open_on(kernel_on(tmp_path, server)) as profile:
        assert await profile.credentials.current() is None
        away.rename(key)
        credential = await profile.credentials.current()
        assert credential is not None and credential.password == CANARY
        assert await profile.seen() == [None, LIN]


async def test_the_composition_sets_key_file_and_deadline(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    kernel = kernel_on(tmp_path / "profile", FakeAuthenticator(),
                       key_file=str(tmp_path / "drive" / "tulou.key"))
    async with open_on(kernel) as profile:
        await profile.identity.sign_in(LIN, CANARY)
        assert (tmp_path / "drive" / "tulou.key").exists()
        assert "file" in kernel.service(Keyring).where


def test_the_manifest_says_what_the_room_does() -> None:
    assert plugin.provides == (Identity, Credentials) and plugin.wants == (Authenticator,)
    code = "import sys, tulou_auth; assert not {'trio', 'tulou_auth.service'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_a_wrong_deadline_is_told() -> None:
    with pytest.raises(Exception, match="more than 0 seconds"):
        Kernel(Composition.of("store", "crypto", auth={"deadline": 0}),
               plugins=[authenticator_plugin(FakeAuthenticator())])


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
@pytest.mark.parametrize(("beginning", "action", "former", "latter"), [
    ([], "in new", None, "new"),
    (["in former"], "in new", "former", "new"),
    (["in former"], "out", "former", None),
    (["in former"], "rejected", "former", None),
    (["in former", "out"], "in new", None, "new"),
])
def test_kill_9_at_any_step_leaves_the_former_or_the_new_state(
    beginning: list[str], action: str, former: str | None, latter: str | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "start").mkdir()
        for step in beginning:
            trio.run(lab.act, step, folder / "start")
        run = subprocess.run(
            [sys.executable, lab.__file__, action, name], capture_output=True, text=True, timeout=240)
        assert run.returncode == 0, run.stderr
        steps = int(run.stdout)
        assert steps > 5
        found = [trio.run(_found, folder / str(step)) for step in range(1, steps + 1)]
        assert set(found) <= {former, latter}
        assert found[0] == former and found[-1] == latter


async def _found(folder: Path) -> str | None:
    """The password that a start after the crash finds; everything fits together then."""
    kernel = kernel_on(folder, FakeAuthenticator({LIN: "newest"}))
    async with open_on(kernel) as profile:
        credential = await profile.credentials.current()
        assert profile.identity.signed_in == (credential is not None)
        kept = await kernel.service(Keyring).get("account password")
        assert kept == (credential and credential.password)
        await profile.identity.sign_in(LIN, "newest")
    async with open_on(kernel_on(folder)) as profile:
        newest = await profile.credentials.current()
        assert newest is not None and newest.password == "newest"
    return credential and credential.password
