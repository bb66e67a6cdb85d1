"""Conformance of `Keyring`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from tulou_contracts.crypto import CryptoError, Keyring

CANARY = "canary-7f3a-金丝雀"


class KeyringConformance:
    """What every `Keyring` does. Calling `open_keyring` again is another start of the same profile."""

    @pytest.fixture
    def open_keyring(self) -> Callable[[], Keyring]:
        """A function that opens the profile's keyring."""
        raise NotImplementedError("define the fixture open_keyring in the subclass")

    async def test_a_secret_is_given_back(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        assert await keyring.get("password") == CANARY

    async def test_an_unknown_name_is_none(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        assert await keyring.get("password") is None
        await keyring.set("other", CANARY)
        assert await keyring.get("password") is None

    async def test_a_secret_survives_a_new_start(self, open_keyring: Callable[[], Keyring]) -> None:
        await open_keyring().set("password", CANARY)
        assert await open_keyring().get("password") == CANARY

    async def test_the_newest_secret_counts(self, open_keyring: Callable[[], Keyring]) -> None:
        for secret in ("one", "two", "three"):
            await open_keyring().set("password", secret)
        assert await open_keyring().get("password") == "three"

    async def test_a_deleted_secret_is_gone(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        await keyring.set("other", "stays")
        await keyring.delete("password")
        assert await keyring.get("password") is None
        assert await open_keyring().get("password") is None
        assert await open_keyring().get("other") == "stays"

    async def test_deleting_what_is_not_there_is_no_error(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.delete("password")
        await keyring.set("other", "stays")
        await keyring.delete("password")
        await keyring.delete("password")

    async def test_a_deleted_secret_can_be_set_again(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        await keyring.set("password", "one")
        await keyring.delete("password")
        await keyring.set("password", "two")
        assert await open_keyring().get("password") == "two"

    @pytest.mark.parametrize("secret", [
        "", " ", "密码 🔑", "e\u0301 is not \u00e9", "two\nlines\r\n", 'quote " and \\', "x" * 1000])
    async def test_secrets_keep_every_character(
        self, open_keyring: Callable[[], Keyring], secret: str
    ) -> None:
        await open_keyring().set("密码 name/with:signs", secret)
        assert await open_keyring().get("密码 name/with:signs") == secret

    async def test_names_are_told_apart(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        names = ["a", "A", "a ", "a/b", "a\\b", "a:b", "é", "e\u0301", "名"]
        for number, name in enumerate(names):
            await keyring.set(name, str(number))
        assert [await keyring.get(name) for name in names] == [str(n) for n in range(len(names))]

    async def test_no_text_is_an_error_and_changes_nothing(
        self, open_keyring: Callable[[], Keyring]
    ) -> None:
        keyring = open_keyring()
        await keyring.set("password", CANARY)
        with pytest.raises(CryptoError) as caught:
            await keyring.set("password", CANARY + "\ud800")
        assert CANARY not in str(caught.value)
        assert await open_keyring().get("password") == CANARY

    async def test_many_at_once_are_all_kept(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(keyring.set, f"name {number}", str(number))
        again = open_keyring()
        assert [await again.get(f"name {number}") for number in range(10)] == list("0123456789")

    async def test_a_cancelled_set_leaves_the_old_or_the_new(
        self, open_keyring: Callable[[], Keyring]
    ) -> None:
        keyring = open_keyring()
        await keyring.set("password", "old")
        with trio.CancelScope() as scope:
            scope.cancel()
            await keyring.set("password", "new")
        assert await open_keyring().get("password") in ("old", "new")
        await keyring.set("password", "newest")
        assert await open_keyring().get("password") == "newest"

    async def test_it_says_where_and_shows_no_secret(self, open_keyring: Callable[[], Keyring]) -> None:
        keyring = open_keyring()
        assert keyring.where
        await keyring.set("password", CANARY)
        assert keyring.where
        assert CANARY not in repr(keyring) + str(keyring) + keyring.where
