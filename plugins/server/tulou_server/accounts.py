"""Accounts and their SCRAM keys; a password itself is never stored (RFC 5802, section 3)."""

from __future__ import annotations

import secrets

import trio

from tulou_contracts.identity import AccountTaken, AddressInvalid
from tulou_contracts.storage import Database, Reader, Transaction
from tulou_xmpp.wire import JID
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.scram import MECHANISMS, ScramError, StoredKeys, decoy_keys, derive_keys

_TABLES = ("server_archive", "server_pending", "server_roster")


class Accounts:
    """The accounts of one domain. Names are the normalised part before the @."""

    def __init__(
        self, database: Database, domain: str, iterations: int, *, threads: bool = True
    ) -> None:
        self._database = database
        self._domain = domain
        self._iterations = iterations
        self._decoy_secret = b""
        self._known: set[str] = set()
        # PBKDF2 is pure work: more threads than this only slow everything else down
        self._threads = threads
        self._limiter = trio.CapacityLimiter(2)

    async def open(self) -> None:
        """Read (or make, once) what decoy salts are computed from."""
        fresh = secrets.token_bytes(32)

        def work(transaction: Transaction) -> bytes:
            transaction.execute("INSERT OR IGNORE INTO server_meta VALUES ('decoy', ?)", (fresh,))
            row = transaction.one("SELECT value FROM server_meta WHERE key = 'decoy'")
            return bytes(row[0]) if row else fresh

        self._decoy_secret = await self._database.write(work)

    def normalise(self, name: str) -> str:
        """The name as it is stored and compared. Raises `AddressInvalid`."""
        try:
            jid = JID.parse(f"{name}@{self._domain}")
        except BadJID as error:
            raise AddressInvalid(str(error)) from None
        if not jid.local or jid.resource:
            raise AddressInvalid(f"{name[:80]!r} cannot be the name of an account")
        return jid.local

    async def create(self, name: str, password: str, vcard: str = "") -> str:
        """Make an account; its normalised name. Raises `AccountTaken`, `AddressInvalid`."""
        name = self.normalise(name)
        if await self.exists(name):  # cheaper than deriving keys only to learn it
            raise AccountTaken(f"the name {name} is taken")
        keys = await self._derive(password)

        def work(transaction: Transaction) -> bool:
            made = transaction.execute(
                "INSERT OR IGNORE INTO server_account (name, vcard) VALUES (?, ?)", (name, vcard)
            )
            if made:
                _store_keys(transaction, name, keys)
            return bool(made)

        if not await self._database.write(work):
            raise AccountTaken(f"the name {name} is taken")
        return name

    async def change_password(self, name: str, password: str) -> None:
        """Replace the keys. Raises `AddressInvalid` for a password that cannot be one."""
        keys = await self._derive(password)
        await self._database.write(lambda transaction: _store_keys(transaction, name, keys))

    async def delete(self, name: str) -> None:
        """Forget an account and everything it owns."""

        def work(transaction: Transaction) -> None:
            for table in _TABLES:
                transaction.execute(f"DELETE FROM {table} WHERE owner = ?", (name,))
            transaction.execute("DELETE FROM server_key WHERE account = ?", (name,))
            transaction.execute("DELETE FROM server_account WHERE name = ?", (name,))

        self._known.discard(name)
        await self._database.write(work)
        self._known.discard(name)

    async def exists(self, name: str) -> bool:
        """Whether there is such an account; asked for every message, so remembered."""
        if name in self._known:
            return True
        found = await self._database.read(lambda reader: account_exists(reader, name))
        if found:
            self._known.add(name)
        return found

    async def keys(self, name: str, mechanism: str) -> StoredKeys:
        """The keys to check a sign-in with; decoys for a name that does not exist."""
        row = await self._database.read(lambda reader: reader.one(
            "SELECT salt, iterations, stored_key, server_key FROM server_key"
            " WHERE account = ? AND mechanism = ?", (name, mechanism),
        ))
        if row is None:
            return decoy_keys(mechanism, name, self._decoy_secret, self._iterations)
        return StoredKeys(mechanism, bytes(row[0]), row[1], bytes(row[2]), bytes(row[3]))

    async def vcard(self, name: str) -> str | None:
        """The stored vCard as XML, "" for none; None when there is no such account."""
        row = await self._database.read(
            lambda reader: reader.one("SELECT vcard FROM server_account WHERE name = ?", (name,))
        )
        return None if row is None else str(row[0])

    async def set_vcard(self, name: str, vcard: str) -> None:
        """Replace the stored vCard."""
        await self._database.write(lambda transaction: transaction.execute(
            "UPDATE server_account SET vcard = ? WHERE name = ?", (vcard, name)
        ))

    async def _derive(self, password: str) -> list[StoredKeys]:
        if not password:
            raise AddressInvalid("the password is empty")
        salt = secrets.token_bytes(16)

        def work() -> list[StoredKeys]:
            return [derive_keys(mechanism, password, salt, self._iterations) for mechanism in MECHANISMS]

        try:
            if not self._threads:
                return work()
            return await trio.to_thread.run_sync(work, limiter=self._limiter)
        except ScramError as error:
            raise AddressInvalid(str(error)) from None


def account_exists(reader: Reader, name: str) -> bool:
    """Whether there is such an account, inside a transaction."""
    return reader.one("SELECT 1 FROM server_account WHERE name = ?", (name,)) is not None


def _store_keys(transaction: Transaction, name: str, keys: list[StoredKeys]) -> None:
    transaction.execute("DELETE FROM server_key WHERE account = ?", (name,))
    transaction.execute_many(
        "INSERT INTO server_key (account, mechanism, salt, iterations, stored_key, server_key)"
        " SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM server_account WHERE name = ?)",
        [
            (name, key.mechanism, key.salt, key.iterations, key.stored_key, key.server_key, name)
            for key in keys
        ],
    )
