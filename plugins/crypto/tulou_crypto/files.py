"""Files that survive a crash at any moment: the keyring file and the key file. Blocking calls."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from tulou_contracts.crypto import CryptoError
from tulou_crypto import aead, key_file
from tulou_crypto.key_file import PassphraseNeeded, WrongPassphrase

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700


def write(path: Path, data: bytes) -> None:
    """Replace a file as a whole; readable by its owner only, durable when this returns.

    Raises `CryptoError`; then the file is what it was before.
    """
    new = path.with_name(path.name + ".new")
    try:
        _write_new(new, data)
        os.replace(new, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise CryptoError(
            f"cannot write {path}: {_reason(error)}; make room or allow writing there"
        ) from error


def read(path: Path) -> bytes | None:
    """The bytes of a file, or None when there is none. Raises `CryptoError`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CryptoError(f"cannot read {path}: {_reason(error)}") from error


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that nothing overwrites it; the new path. Raises `CryptoError`."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
    try:
        os.rename(path, aside)
        _sync_folder(path.parent)
    except OSError as error:
        raise CryptoError(f"cannot rename {path} to {aside.name}: {_reason(error)}") from error
    return aside


def read_key(path: Path, passphrase: str = "") -> bytes | None:
    """The key in a key file, or None when there is none. Raises `CryptoError` when it is no key, or one
    under another passphrase."""
    content = read(path)
    if content is None:
        return None
    try:
        return key_file.unseal(content, passphrase)
    except (PassphraseNeeded, WrongPassphrase) as error:
        raise CryptoError(
            f"the key file {path} cannot be opened: {error}; give the right one in the environment"
            " variable that the setting passphrase_from names, and start again"
        ) from None
    except CryptoError as error:
        raise CryptoError(
            f"the key file {path} is damaged or not a key file: {error}; put back a copy of the right one"
        ) from None


def protect_key(path: Path, key: bytes, passphrase: str) -> None:
    """Put a key that is under no passphrase under this one. Raises `CryptoError`."""
    content = read(path)
    if content is not None and not key_file.is_sealed(content):
        write(path, key_file.seal(key, passphrase))


def create_key(path: Path, make_folder: bool, passphrase: str = "") -> bytes:
    """A new key in a new key file, durable when this returns. Raises `CryptoError`.

    A folder that somebody chose is not made: it would hide that its drive is not there.
    """
    try:
        if make_folder:
            path.parent.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
            _sync_folder(path.parent.parent)
    except OSError as error:
        raise CryptoError(f"cannot make the folder {path.parent}: {_reason(error)}") from error
    if not path.parent.is_dir():
        raise CryptoError(
            f"the folder {path.parent} for the key file is not there: make it, or put in its drive")
    key = aead.new_key()
    write(path, key_file.seal(key, passphrase) if passphrase else key)
    return key


def make_private(path: Path) -> bool:
    """Whether others could read the file until now; they no longer can, if that is in our power."""
    if os.name != "posix":
        return False
    with suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(_PRIVATE)
            return True
    return False


def _write_new(path: Path, data: bytes) -> None:
    # Gone first: an old file would keep its mode, and a link would lead elsewhere.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _PRIVATE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    # Windows cannot open folders; its rename is durable by the journal.
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
