"""Printing for programs and for people."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any


def as_json(value: Any) -> None:
    """One document on stdout; paths and the like become texts."""
    print(json.dumps(value, ensure_ascii=not _utf8(), indent=2, default=str))


def as_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be; the last one runs on."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = [pad(cell, wide) for cell, wide in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def pad(text: str, wide: int) -> str:
    """Filled up with blanks to a width."""
    return text + " " * (wide - width(text))


def drawable(text: str, instead: str) -> str:
    """The text, or `instead` where the terminal's encoding cannot show it."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return instead
    return text


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
