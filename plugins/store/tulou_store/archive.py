"""A profile as one file: a tar.gz of the database, the documents and included folders, with a manifest.

The manifest is the last member, since a hash is known only when its file was read; nothing of an
archive is used before the manifest has vouched for all of it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tulou_contracts.storage import StorageCorrupt
from tulou_store.files import sync_folder
from tulou_store.interrupt import look
from tulou_store.manifest import FORMAT, Manifest, is_fit_member, read_manifest

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 64 * 1024 * 1024
_COPY = 1 << 20


class Packer:
    """Writes one archive."""

    def __init__(self, out: Any) -> None:
        # tarfile's own gzip compresses at level 9, three times as slow for a few bytes less
        self._gzip = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0)
        self._tar = tarfile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)
        self.files: dict[str, tuple[int, str]] = {}
        self._done = 0
        self._now: IO[bytes] | None = None

    @property
    def taken(self) -> int:
        """Bytes that were read so far; another thread may ask."""
        now = self._now
        return self._done + (now.tell() if now is not None and not now.closed else 0)

    def add(self, name: str, path: Path, *, copy: bool = True) -> None:
        """Add a file as it is now; one that may change meanwhile is copied first."""
        with open(path, "rb") as file:
            if not copy:
                self._add(name, file, os.fstat(file.fileno()).st_size)
                return
            with tempfile.SpooledTemporaryFile(max_size=4 * _COPY, mode="w+b") as still:
                while block := file.read(_COPY):
                    still.write(block)
                size = still.tell()
                still.seek(0)
                self._add(name, still, size)

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        hashing = _Hashing(file)
        self._now = file
        self._tar.addfile(member, hashing)
        self._now = None
        self._done += size
        self.files[name] = (size, hashing.digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest and close."""
        table = {"format": FORMAT, **manifest._asdict()}
        body = json.dumps(table, ensure_ascii=False, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(body), 0o600
        self._tar.addfile(member, io.BytesIO(body))
        self._tar.close()
        self._gzip.close()

    def give_up(self) -> None:
        """Close what will not be finished, before its file is closed: nothing is written later."""
        for each in (self._tar, self._gzip):
            with suppress(Exception):
                each.close()


class _Hashing:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        look()
        block = self._file.read(size)
        self.digest.update(block)
        return block


def unpack(source: Any, folder: Path, *, sealed: bool = False) -> Manifest:
    """Unpack into an empty folder and check everything; `sealed`: nobody without the passphrase made
    it. Raises `StorageCorrupt`, `StorageError`, OSError."""
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    try:
        with gzip.GzipFile(fileobj=source) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                known = member.name == MANIFEST or is_fit_member(member.name)
                if manifest is not None or not member.isreg() or not known or member.name in found:
                    raise StorageCorrupt(
                        f"the backup holds {member.name[:80]!r}, which does not belong there")
                content = tar.extractfile(member)
                assert content is not None  # it is a regular file
                if member.name == MANIFEST:
                    manifest = read_manifest(content.read(_LARGEST_MANIFEST), sealed=sealed)
                else:
                    found[member.name] = _write(content, folder / member.name)
            while rest := stream.read(_COPY):  # to the end, where gzip's own checksum is
                if rest.strip(b"\0"):
                    raise StorageCorrupt("the backup holds more than its list of contents says")
    except (tarfile.TarError, EOFError, ValueError, zlib.error) as error:
        raise StorageCorrupt(f"the backup is damaged or cut short: {error}") from error
    except OSError as error:
        if error.errno is None:  # gzip's own
            raise StorageCorrupt(f"the backup is damaged: {error}") from error
        raise
    except RecursionError:  # headers that refer to headers
        raise StorageCorrupt("the backup is damaged: its headers have no end") from None
    if manifest is None:
        raise StorageCorrupt("the backup is cut short: its list of contents is missing")
    if found != manifest.files:
        wrong = sorted(name for name in {*found, *manifest.files}
                       if found.get(name) != manifest.files.get(name))
        raise StorageCorrupt(f"the backup is damaged: {', '.join(wrong[:5])} is not as it was when packed")
    for each in (folder, *folder.rglob("*")):
        if each.is_dir():
            sync_folder(each)
    return manifest


def _write(content: IO[bytes], path: Path) -> tuple[int, str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(path, "xb") as file:
        while block := content.read(_COPY):
            look()
            digest.update(block)
            size += file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Regular files, in order; links are left out, whatever they point at."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path
