"""What happens to the account when the server, the keyring or the disk does not do its part."""

import logging

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from auth_fakes import Profile
from tulou.errors import ServiceGone
from tulou_auth.profile_account import PASSWORD, ProfileAccount
from tulou_auth.states import TABLE, State, Step, after
from tulou_contracts.identity import (
    AddressInvalid,
    Credential,
    IdentityError,
    ServerUnavailable,
    WrongPassword,
)
from tulou_contracts.testing.identity import CANARY, LIN, FakeAuthenticator


async def signed_in(profile: Profile, server: FakeAuthenticator | None = None) -> ProfileAccount:
    account = await profile.start(server or FakeAuthenticator())
    await account.sign_in(LIN, CANARY)
    profile.changes.clear()
    return account


async def password_of(account: ProfileAccount) -> str | None:
    credential = await account.current()
    return credential and credential.password


async def test_nobody_to_ask_is_told_with_what_to_do() -> None:
    account = await Profile().start(None)
    with pytest.raises(ServerUnavailable, match="'xmpp'.*not installed or not running"):
        await account.sign_in(LIN, CANARY)


async def test_a_server_that_does_not_answer_is_left(autojump_clock: MockClock) -> None:
    server = FakeAuthenticator(hold=trio.Event())
    profile = Profile()
    account = await profile.start(server, deadline=30)
    for attempt in (account.sign_in, account.register):
        with pytest.raises(ServerUnavailable, match="did not answer within 30 seconds"):
            await attempt(LIN, CANARY)
    assert profile.documents.held == {} and profile.keyring.held == {} and profile.changes == []


async def test_a_transport_that_goes_away_meanwhile_is_a_missing_server() -> None:
    class Gone(FakeAuthenticator):
        async def verify(self, credential: Credential) -> None:
            raise ServiceGone("plugin 'xmpp' is not running")

    account = await Profile().start(Gone())
    with pytest.raises(ServerUnavailable, match="plugin 'xmpp' is not running"):
        await account.sign_in(LIN, CANARY)


@pytest.mark.parametrize("trouble", ["keyring", "disk"])
async def test_a_first_sign_in_that_cannot_be_kept_leaves_nothing(trouble: str) -> None:
    profile = Profile()
    account = await profile.start(FakeAuthenticator())
    profile.keyring.broken = {"set"} if trouble == "keyring" else set()
    profile.documents.full = trouble == "disk"
    with pytest.raises(IdentityError, match="not signed in, the .* cannot be") as caught:
        await account.sign_in(LIN, CANARY)
    assert CANARY not in str(caught.value)
    assert profile.documents.held == {} and profile.keyring.held == {} and profile.changes == []
    assert account.account is None and not account.signed_in
    profile.keyring.broken = set()
    profile.documents.full = False
    await account.sign_in(LIN, CANARY)


@pytest.mark.parametrize("trouble", ["keyring", "disk"])
@pytest.mark.parametrize("read_before", [True, False])
async def test_a_later_sign_in_that_cannot_be_kept_leaves_the_former(
    trouble: str, read_before: bool
) -> None:
    profile, server = Profile(), FakeAuthenticator()
    await signed_in(profile, server)
    account = await profile.start(server)
    if read_before:
        await account.current()
    server.accounts[LIN] = "new password"
    profile.keyring.broken = {"set"} if trouble == "keyring" else set()
    profile.documents.full = trouble == "disk"
    with pytest.raises(IdentityError, match="not signed in"):
        await account.sign_in(LIN, "new password", "wss://other.example.org/ws")
    profile.keyring.broken = set()
    profile.documents.full = False
    for each in (account, await profile.start(server)):
        assert each.signed_in and each.account is not None and each.account.endpoint == ""
        assert await password_of(each) == CANARY
    assert profile.changes == []


async def test_a_password_that_is_gone_means_to_sign_in_again() -> None:
    profile = Profile()
    await signed_in(profile)
    profile.keyring.held.clear()
    account = await profile.start(FakeAuthenticator())
    assert await account.current() is None
    assert not account.signed_in and profile.changes == [None]
    assert not (await profile.start(None)).signed_in
    await account.sign_in(LIN, CANARY)
    assert account.signed_in


async def test_a_locked_keyring_is_not_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    profile = Profile()
    await signed_in(profile)
    account = await profile.start(FakeAuthenticator())
    profile.keyring.broken = {"get"}
    assert await account.current() is None
    assert await account.current() is None
    assert not account.signed_in and profile.changes == [None]
    assert "the keyring is locked; unlock it" in caplog.text
    profile.keyring.broken = set()
    assert await password_of(account) == CANARY
    assert account.signed_in and profile.changes == [None, LIN]


async def test_signing_in_while_the_keyring_cannot_be_read() -> None:
    profile, server = Profile(), FakeAuthenticator()
    await signed_in(profile, server)
    account = await profile.start(server)
    profile.keyring.broken = {"get"}
    server.accounts[LIN] = "new password"
    await account.sign_in(LIN, "new password")
    assert account.signed_in and await password_of(account) == "new password"


async def test_a_new_password_after_the_former_was_lost_is_still_there_at_the_next_start() -> None:
    profile, server = Profile(), FakeAuthenticator()
    await signed_in(profile, server)
    account = await profile.start(server)
    profile.keyring.held.clear()
    await account.sign_in(LIN, CANARY)
    again = await profile.start(server)
    assert again.signed_in and await password_of(again) == CANARY


async def test_a_password_that_cannot_be_forgotten_is_told() -> None:
    profile = Profile()
    account = await signed_in(profile)
    profile.keyring.broken = {"delete"}
    with pytest.raises(IdentityError, match="not signed out, the password is still kept: the keyring is"):
        await account.sign_out()
    assert account.signed_in and await password_of(account) == CANARY and profile.changes == []


async def test_signing_out_works_with_a_full_disk(caplog: pytest.LogCaptureFixture) -> None:
    profile = Profile()
    account = await signed_in(profile)
    profile.documents.full = True
    await account.sign_out()
    assert not account.signed_in and profile.keyring.held == {} and profile.changes == [None]
    assert "the disk is full" in caplog.text
    profile.documents.full = False
    again = await profile.start(None)
    assert await again.current() is None
    assert not again.signed_in


async def test_a_late_refusal_does_not_hit_the_new_password() -> None:
    profile, server = Profile(), FakeAuthenticator()
    account = await signed_in(profile, server)
    await account.current()
    server.accounts[LIN] = "new password"
    await account.sign_in(LIN, "new password")
    await account.rejected("not-authorized")
    assert account.signed_in
    assert await password_of(await profile.start(server)) == "new password"
    await account.current()
    await account.rejected("not-authorized")
    assert not account.signed_in


async def test_a_refusal_with_a_broken_keyring_still_counts() -> None:
    profile = Profile()
    account = await signed_in(profile)
    profile.keyring.broken = {"delete"}
    await account.rejected("not-authorized")
    assert not account.signed_in
    profile.keyring.broken = set()
    await profile.start(None)
    assert profile.keyring.held == {}


async def test_what_a_crash_left_in_the_keyring_is_forgotten_at_the_next_start() -> None:
    profile = Profile()
    profile.keyring.held[PASSWORD] = CANARY
    account = await profile.start(None)
    assert not account.signed_in and profile.keyring.held == {}


@pytest.mark.parametrize("document", [
    {}, {"address": ""}, {"address": 7}, {"address": None}, {"address": "lin"}, {"address": ["a", "b"]},
    {"address": LIN, "endpoint": "http://x"},
])
async def test_a_senseless_record_is_told_and_can_be_replaced(
    document: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    profile = Profile()
    profile.documents.held["account"] = document
    account = await profile.start(FakeAuthenticator())
    assert account.account is None and "the stored account cannot be used" in caplog.text
    await account.sign_in(LIN, CANARY)
    assert (await profile.start(None)).signed_in


async def test_waiting_for_the_server_does_not_keep_others_waiting() -> None:
    profile, server = Profile(), FakeAuthenticator()
    account = await signed_in(profile, server)
    server.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(account.sign_in, LIN, CANARY, "wss://other.example.org/ws")
        await wait_all_tasks_blocked()
        assert await password_of(account) == CANARY
        server.hold.set()
    assert account.account is not None and account.account.endpoint == "wss://other.example.org/ws"


async def test_signing_out_comes_after_a_sign_in_that_began_before() -> None:
    profile = Profile()
    server = FakeAuthenticator(hold=trio.Event())
    account = await profile.start(server)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(account.sign_in, LIN, CANARY)
        await wait_all_tasks_blocked()
        nursery.start_soon(account.sign_out)
        await wait_all_tasks_blocked()
        assert server.hold is not None
        server.hold.set()
    assert profile.changes == [LIN, None] and profile.keyring.held == {}


async def test_two_people_at_once_get_one_profile() -> None:
    server = FakeAuthenticator({LIN: CANARY, "wu@example.org": CANARY}, hold=trio.Event())
    profile = Profile()
    account = await profile.start(server)
    results: list[object] = []

    async def attempt(address: str) -> None:
        try:
            results.append((await account.sign_in(address, CANARY)).address)
        except AddressInvalid as error:
            results.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, LIN)
        nursery.start_soon(attempt, "wu@example.org")
        await wait_all_tasks_blocked()
        assert server.hold is not None
        server.hold.set()
    assert len([each for each in results if isinstance(each, AddressInvalid)]) == 1
    assert len(profile.changes) == 1 and server.asked == 1


async def test_a_second_click_survives_the_first_ones_cancellation() -> None:
    server = FakeAuthenticator(hold=trio.Event())
    account = await Profile().start(server)
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as first:
            async with trio.open_nursery() as clicks:
                clicks.start_soon(account.sign_in, LIN, CANARY)
                await wait_all_tasks_blocked()
                nursery.start_soon(account.sign_in, LIN, CANARY)
                await wait_all_tasks_blocked()
                first.cancel()
        assert server.hold is not None
        server.hold.set()
    assert account.signed_in


async def test_a_wrong_password_is_told_to_every_click() -> None:
    server = FakeAuthenticator(hold=trio.Event())
    account = await Profile().start(server)
    told: list[Exception] = []

    async def click() -> None:
        try:
            await account.sign_in(LIN, "wrong")
        except WrongPassword as error:
            told.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(click)
        await wait_all_tasks_blocked()
        assert server.hold is not None
        server.hold.set()
    assert len(told) == 3 and server.asked == 1


async def test_nothing_holds_a_password_after_signing_out() -> None:
    account = await signed_in(Profile())
    await account.current()
    await account.sign_out()
    assert CANARY not in repr(vars(account)) + repr(account)
    assert not any(isinstance(each, Credential) for each in vars(account).values())
    assert account._flights == {}


async def test_logs_hold_no_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    profile = Profile()
    account = await signed_in(profile)
    await account.current()
    await account.rejected("not-authorized")
    assert "refuses the stored password (not-authorized)" in caplog.text
    assert CANARY not in caplog.text


def test_every_state_can_be_left_and_a_step_means_one_thing() -> None:
    assert {state for state, _ in TABLE} == set(State)
    assert {step for _, step in TABLE} == set(Step)
    assert set(TABLE.values()) | {State.NOBODY} == set(State)
    for state in State:
        assert after(state, Step.ENTER) is State.SIGNED_IN


actions = st.lists(st.sampled_from([
    "in", "in wrong", "in new", "out", "rejected", "current", "restart", "lock", "unlock", "full", "room",
    "lose",
]), max_size=15)


@settings(max_examples=150, deadline=None)
@given(actions)
def test_whatever_happens_the_account_tells_the_truth(steps: list[str]) -> None:
    trio.run(_drive, steps)


async def _drive(steps: list[str]) -> None:
    profile, server = Profile(), FakeAuthenticator()
    account = await profile.start(server)
    for step in steps:
        profile.changes.clear()
        before = account.signed_in
        account = await _act(step, profile, server, account)
        if step != "restart":
            told = [LIN if account.signed_in else None]
            assert profile.changes[-1:] == (told if profile.changes or before != account.signed_in else [])
        credential = account._credential
        assert credential is None or account.signed_in
        assert account.signed_in <= (account.account is not None)
        for document in profile.documents.held.values():
            assert CANARY not in str(document)
    profile.documents.full, profile.keyring.broken = False, set()
    last = await profile.start(server)
    credential = await last.current()
    assert last.signed_in == (credential is not None)
    assert (profile.keyring.held != {}) == last.signed_in
    if account.account is not None:
        await last.sign_in(LIN, server.accounts[LIN])


async def _act(
    step: str, profile: Profile, server: FakeAuthenticator, account: ProfileAccount
) -> ProfileAccount:
    try:
        match step:
            case "in":
                await account.sign_in(LIN, server.accounts[LIN])
            case "in wrong":
                await account.sign_in(LIN, "wrong")
            case "in new":
                server.accounts[LIN] += "+"
                await account.sign_in(LIN, server.accounts[LIN], "wss://other.example.org/ws")
            case "out":
                await account.sign_out()
            case "rejected":
                await account.rejected("not-authorized")
            case "current":
                await account.current()
            case "restart":
                return await profile.start(server)
            case "lock":
                profile.keyring.broken = {"get", "set", "delete"}
            case "unlock":
                profile.keyring.broken = set()
            case "full":
                profile.documents.full = True
            case "room":
                profile.documents.full = False
            case "lose":
                profile.keyring.held.clear()
    except IdentityError as error:
        assert CANARY not in str(error)
    return account
