"""The file that is to be published, read as strictly as clients read it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tulou.errors import TulouError

MOST = 4 << 20
"""Bytes of a file: the most that `max_document` can be set to."""


class NotReached(TulouError):
    """The service does not run, or does not answer; or it does not do what it was told."""


def content_of(file: Path) -> Any:
    """What a JSON file holds; ``-`` is standard input. Raises `NotReached`."""
    name = str(file)[:200]
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with open(file, "rb") as source:
                data = source.read(MOST + 1)
    except OSError as error:
        raise NotReached(f"{name} cannot be read: {error.strerror}") from None
    if len(data) > MOST:
        raise NotReached(f"{name} is larger than {MOST >> 20} MiB, and a document never is")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant,
                          parse_int=_whole)
    except RecursionError:
        raise NotReached(f"{name} nests too deep to be a document") from None
    except ValueError as error:
        raise NotReached(f"{name} is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"the name {name[:100]!r} stands twice in one object: which is meant?")
        made[name] = value
    return made


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    if len(text) > 300:
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)
