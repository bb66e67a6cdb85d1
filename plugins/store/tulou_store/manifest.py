"""What an archive says of itself, and the strict reading of it: whoever made the archive may wish us ill.

Nothing of an archive is moved before all of this holds: every field is of its type, every file and
folder has a place of its own inside the profile, and none belongs to a room whose data decides whom
this profile trusts.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, NamedTuple

from tulou.plugin import is_name
from tulou_contracts.storage import StorageCorrupt, StorageError

FORMAT = 1
_NEVER = frozenset({
    "store", "crypto", "auth", "net", "log", "tracking", "company", "company-service", "shell"})
"""Rooms whose folders hold secrets, trust or consent: these are no data to be brought from elsewhere."""

_DATABASE = "store/profile.db"
_MARKER = "store/encrypted"
_DOCUMENTS = re.compile(r"store/documents/[a-z0-9]+([-_][a-z0-9]+)*\.json(\.log)?")
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,199}")
_HEX = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 4096
_LARGEST = 1 << 62
_LONGEST_ACCOUNT = 3071  # a bare address: RFC 7622, section 3


class Manifest(NamedTuple):
    """What an archive says of itself; `files`: name -> (size, SHA-256)."""

    account: str
    schemas: dict[str, int]
    folders: list[str]
    made: int
    files: dict[str, tuple[int, str]]
    key: str = ""
    """The secret of an encrypted profile; only in archives that are sealed themselves."""


def is_fit_folder(name: str) -> bool:
    """Whether a backup may hold this folder of the profile: one of a plugin's own, and of no room that
    keeps secrets, trust or consent."""
    owner = name.split("/")[0]
    return (is_name(owner) and owner not in _NEVER and not owner.startswith("before-restore")
            and _is_plain_path(name))


def topmost(folders: list[str]) -> list[str]:
    """Without those that lie in another one."""
    return [each for each in sorted(folders) if not any(each.startswith(f"{other}/") for other in folders)]


def is_fit_member(name: str) -> bool:
    """Whether a file of this name may be in an archive."""
    if name.startswith("files/"):
        inner = name.removeprefix("files/")
        return "/" in inner and is_fit_folder(inner)
    return name in (_DATABASE, _MARKER) or _DOCUMENTS.fullmatch(name) is not None


def _is_plain_path(name: str) -> bool:
    """Relative, and going down only."""
    wrong = "\0\\:" if os.name == "nt" else "\0"
    try:
        fit = len(name.encode()) <= _LONGEST_NAME and not any(sign in name for sign in wrong)
    except UnicodeEncodeError:
        return False
    return fit and all(part not in ("", ".", "..") for part in name.split("/"))


def read_manifest(body: bytes, *, sealed: bool) -> Manifest:
    """Raises `StorageCorrupt`; `StorageError` for one that a newer program made."""
    try:
        table = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _damaged("it is no JSON that this program can read") from None
    if not isinstance(table, dict) or not _is_count(table.get("format")):
        raise _damaged("it has no format")
    if table.pop("format") > FORMAT:
        raise StorageError("the backup was made by a newer program: install that first")
    if set(table) - {"key"} != set(Manifest._fields) - {"key"}:
        raise _damaged("fields are missing, or there are too many")
    manifest = Manifest(**{**table, "files": _files(table["files"])})
    _check_fields(manifest)
    if manifest.key and not sealed:
        raise _damaged("it holds a key, and is not encrypted itself")
    if bool(manifest.key) != (_MARKER in manifest.files):
        raise _damaged("it does not say whether its data is encrypted")
    for name in manifest.files:
        if not _has_place(name, manifest.folders):
            raise StorageCorrupt(f"the backup holds {_short(name)}, which does not belong there")
    return manifest


def _check_fields(manifest: Manifest) -> None:
    account, schemas, folders, key = manifest.account, manifest.schemas, manifest.folders, manifest.key
    if not (isinstance(account, str) and len(account) <= _LONGEST_ACCOUNT and account.isprintable()):
        raise _damaged("its account is none")
    if not (isinstance(schemas, dict) and all(
            _SCHEMA.fullmatch(name) and _is_count(version) for name, version in schemas.items())):
        raise _damaged("its versions of the data are none")
    if not _is_count(manifest.made):
        raise _damaged("its time is none")
    if not (isinstance(key, str) and (not key or _HEX.fullmatch(key))):
        raise _damaged("its key is none")
    if not (isinstance(folders, list) and all(isinstance(each, str) for each in folders)):
        raise _damaged("its folders are no list of names")
    for folder in folders:
        if not is_fit_folder(folder):
            raise StorageCorrupt(f"the backup wants to bring the folder {_short(folder)}, which no backup"
                                 " may: nothing was changed")
    if len(set(folders)) != len(folders):
        raise _damaged("a folder is named twice")


def _files(table: Any) -> dict[str, tuple[int, str]]:
    if not isinstance(table, dict):
        raise _damaged("its files are no table")
    files = {}
    for name, entry in table.items():
        if not (isinstance(entry, list) and len(entry) == 2 and _is_count(entry[0])
                and isinstance(entry[1], str) and _HEX.fullmatch(entry[1])):
            raise _damaged(f"of {_short(name)} it does not say what it is")
        files[name] = (entry[0], entry[1])
    return files


def _has_place(name: str, folders: list[str]) -> bool:
    if not is_fit_member(name):
        return False
    return not name.startswith("files/") or any(name.startswith(f"files/{folder}/") for folder in folders)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is there twice")
    return table


def _damaged(why: str) -> StorageCorrupt:
    return StorageCorrupt(f"the backup's list of contents is damaged: {why}")


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
