"""``tulou store``: check, repair, back up, restore, measure and compact the data of a profile."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import apsw
import trio

from tulou import Composition, Kernel
from tulou.discovery import installed
from tulou.errors import ProfileLocked, ServiceGone, TulouError
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.storage import Maintenance, StorageError
from tulou_store import interrupt, places, restore
from tulou_store.connections import connect
from tulou_store.keys import SECRET, Keys, is_plain
from tulou_store.manifest import Manifest
from tulou_store.recovery import as_words, from_words, unlock_again
from tulou_store.unlock import read_marker
from tulou_store.upkeep import Upkeep, suspect

T = TypeVar("T")
Work = Callable[[Maintenance, argparse.Namespace], Awaitable[int]]


def main(arguments: list[str]) -> int:
    """The exit status: 1 when something is wrong."""
    options = _parser().parse_args(arguments)
    try:
        alone = {"restore": _restore, "key": _show_key, "unlock": _unlock}.get(options.name)
        return alone(options) if alone is not None else _maintain(options)
    except TulouError as error:
        print(f"tulou: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tulou store", description="Care for the data of a profile.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, work: Work | None, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("profile", type=Path, help="the profile folder, as for `tulou run --profile`")
        command.add_argument("-c", "--composition", default="headless",
                             help="whose settings of secrets count; default: headless")
        command.set_defaults(work=work, suspect=name == "repair", name=name)
        return command

    add("check", _check, "look at every page and index; exit status 1 when something is wrong")
    add("repair", _check, "check, set a damaged database aside and recover what can be read")
    add("usage", _usage, "how much room everything takes")
    add("compact", _compact, "give unused room back to the disk")
    backup = add("backup", _backup, "write a copy to one file, also while the app runs")
    backup.add_argument("target", type=Path, help="the file to make, e.g. lin.tulou-backup")
    backup.add_argument("--encrypt", action="store_true",
                        help="ask for a passphrase (or read it as one line from standard input)")
    add("key", None, "print the recovery key of an encrypted profile, to be kept on paper")
    add("unlock", None, "bring an encrypted profile back whose key was lost, by its recovery key")
    back = add("restore", None, "bring a backup back; what is there is kept in before-restore-N")
    back.add_argument("archive", type=Path, help="a file that `tulou store backup` made")
    return parser


def _passphrase(ask: str = "Passphrase of the backup: ") -> str:
    """Never an empty one. Raises `StorageError`."""
    if sys.stdin is None:
        text = ""
    else:
        text = getpass.getpass(ask) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise StorageError(f"{ask.rstrip(': ').lower()}: none was given; nothing was done")
    return text


# -- with the store running, all alone


def _maintain(options: argparse.Namespace) -> int:
    folder = options.profile / "store"
    places.refuse_no_profile(options.profile)
    options.passphrase = _passphrase() if getattr(options, "encrypt", False) else ""
    if options.suspect:
        suspect(folder)
    encrypted = read_marker(folder) is not None
    kernel = _kernel(options, (Maintenance, Keyring, Cipher))

    async def run() -> int:
        async with kernel.running():
            try:
                maintenance = kernel.service(Maintenance)
            except ServiceGone:
                reasons = "; ".join(each.reason for each in kernel.status() if each.reason)
                raise StorageError(reasons or "the store did not start") from None
            status: int = await options.work(maintenance, options)
            return status

    try:
        return interrupt.run(run)
    except ProfileLocked as error:
        looks = options.work in (_usage, _check, _backup) and not options.suspect
        if not looks or encrypted or options.passphrase:
            raise
        print(f"tulou: {error}; looking at it meanwhile", file=sys.stderr)
        work: Work = options.work
        return interrupt.run(lambda: work(Upkeep(folder), options))


def _kernel(options: argparse.Namespace, contracts: tuple[type, ...]) -> Kernel:
    """An app of nothing but who provides these, as the composition has set them."""
    composition = Composition.load(options.composition)
    plugins = installed().plugins
    wanted = {name: settings for name, settings in composition.plugins.items()
              if name in plugins and set(plugins[name].load().provides) & set(contracts)}
    small = composition._replace(plugins=wanted, essential=frozenset(), discover_all=False)
    return Kernel(small, profile=options.profile)


async def _check(maintenance: Maintenance, options: argparse.Namespace) -> int:
    faults = await maintenance.check()
    print("\n".join(faults) or f"{options.profile}: nothing wrong")
    if faults and not options.suspect:
        print("`tulou store repair` recovers what can be read", file=sys.stderr)
    return 1 if faults else 0


async def _usage(maintenance: Maintenance, options: argparse.Namespace) -> int:
    found = await maintenance.usage()
    rows = [*sorted(found.namespaces.items()), ("documents", found.documents),
            *((f"{name} (can be rebuilt)", size) for name, size in sorted(found.rebuildable.items())),
            ("copies and damaged files", found.other), ("free on the disk", found.free)]
    if found.allowed:
        rows.append(("the database may take", found.allowed))
    width = max(len(name) for name, _ in rows)
    for name, size in rows:
        print(f"{name.ljust(width)}  {size / 1024 / 1024:10.2f} MiB")
    return 0


async def _compact(maintenance: Maintenance, options: argparse.Namespace) -> int:
    print(f"{await maintenance.compact() / 1024 / 1024:.2f} MiB were given back")
    return 0


async def _backup(maintenance: Maintenance, options: argparse.Namespace) -> int:
    made = await maintenance.backup(options.target, passphrase=options.passphrase)
    kind = "encrypted with the passphrase" if made.sealed else "not encrypted: keep it where nobody reads it"
    print(f"{made.path}: {made.files} files, {made.bytes / 1024 / 1024:.2f} MiB, {kind}")
    return 0


# -- with no store running


def _restore(options: argparse.Namespace) -> int:
    places.refuse_others(options.profile)
    salt = restore.salt_of(options.archive)
    passphrase = _passphrase() if salt is not None else ""
    kernel = _kernel(options, (Keyring, Cipher))

    done: list[Path] = []

    async def run() -> None:
        async with kernel.running():
            cipher, ring = _service(kernel, Cipher), _service(kernel, Keyring)
            key = b""
            if salt is not None and cipher is not None:
                key = await cipher.derive_key(passphrase, salt)
            manifest = await trio.to_thread.run_sync(
                restore.stage, options.archive, options.profile, cipher, key)
            try:
                await _fit(options.profile, manifest, cipher, ring)
                done.append(await trio.to_thread.run_sync(restore.commit, options.profile, manifest))
            except BaseException:
                restore.drop(options.profile)
                raise

    with places.left_as_it_was(options.profile):
        try:
            interrupt.run(run)
        except KeyboardInterrupt:
            if not done:  # it came too late else
                raise
    old = done[0]
    kept = f"; what was there is in {old}" if old.exists() else ""
    print(f"{options.profile} is as it was in {options.archive}{kept}")
    return 0


def _show_key(options: argparse.Namespace) -> int:
    def show(ring: Keyring, cipher: Cipher) -> Awaitable[str]:
        return ring_key(ring)

    async def ring_key(ring: Keyring) -> str:
        secret = await ring.get(SECRET)
        if not secret or read_marker(options.profile / "store") is None:
            raise StorageError(f"{options.profile} is not encrypted: there is no key")
        return as_words(bytes.fromhex(secret))

    return _with_secrets(options, show)


def _unlock(options: argparse.Namespace) -> int:
    secret = from_words(_passphrase("Recovery key: "))
    return _with_secrets(
        options, lambda ring, cipher: unlock_again(options.profile / "store", secret, ring, cipher))


def _with_secrets(options: argparse.Namespace, work: Callable[[Keyring, Cipher], Awaitable[str]]) -> int:
    places.refuse_no_profile(options.profile)
    kernel = _kernel(options, (Keyring, Cipher))

    async def run() -> str:
        async with kernel.running():
            return await work(kernel.service(Keyring), kernel.service(Cipher))

    print(interrupt.run(run))
    return 0


def _service(kernel: Kernel, contract: type[T]) -> T | None:
    try:
        return kernel.service(contract)
    except ServiceGone:
        return None


async def _fit(profile: Path, manifest: Manifest, cipher: Cipher | None, ring: Keyring | None) -> None:
    """Refuse what does not belong here, and bring what is encrypted under the profile's key."""
    secret = await ring.get(SECRET) if ring is not None else None
    own = Keys(bytes.fromhex(secret), cipher) if secret and cipher is not None else None
    account, schemas, noted = _known(profile / "store" / "profile.db", own)
    restore.refuse_foreign(manifest, account, schemas)
    restore.refuse_folders(manifest, noted, _makes_backups, profile)
    if not manifest.key:
        return
    if ring is None or cipher is None:
        raise StorageError("the backup is of an encrypted profile: restoring it needs the plugin 'crypto'")
    if own is None:
        await ring.set(SECRET, manifest.key)
    elif secret != manifest.key:
        await trio.to_thread.run_sync(restore.rekey, profile, manifest, own, cipher)


def _makes_backups(name: str) -> bool | None:
    """Whether a plugin has anything to do with backups; None: it is not installed."""
    found = installed().plugins.get(name)
    if found is None:
        return None
    manifest = found.load()
    return Maintenance in {need if isinstance(need, type) else need.contract
                           for need in (*manifest.requires, *manifest.wants)}


def _known(path: Path, keys: Keys | None) -> tuple[str, dict[str, int], set[str]]:
    """Whose profile is there, the versions of its data, and its folders that backups hold; nothing when
    that cannot be read."""
    plain = is_plain(path)
    if plain is None:
        return "", {}, set()
    try:
        connection = connect(path, None if plain or keys is None else keys.database)
        try:
            schemas = {str(name): int(str(version)) for name, version in
                       connection.execute("SELECT namespace, version FROM store_migration")}
            state = {str(name): str(value) for name, value in
                     connection.execute("SELECT name, value FROM store_state")}
            noted = {name.removeprefix("folder ") for name in state if name.startswith("folder ")}
            return state.get("account", ""), schemas, noted
        finally:
            connection.close(True)
    except apsw.Error:
        return "", {}, set()
