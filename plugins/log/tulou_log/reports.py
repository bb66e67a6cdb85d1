"""What leaves in a report: only what is on the list below, whatever a line holds.

Numbers, truth values, ids, pseudonyms, `Public` texts, names of modules and levels, types and places of
errors, and texts that stand in the code of who logged them. Everything else is ``<text>``.
"""

from __future__ import annotations

import gzip
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tulou import __version__
from tulou.flow import new_id
from tulou_contracts.logs import LogFilter, LogReport, LogsError
from tulou_log.literals import Literals
from tulou_log.reading import fits, parse

PART = 512 << 10
"""Bytes of text in one part, before it is packed."""
MOST = 64 << 20
"""Bytes of text in one report: the newest lines of what was asked for."""
TEXT = "<text>"

_SAFE = re.compile(
    r"<[a-z]+(?::[0-9a-f]{10})?>(?:/<text>)?|<\d+ (?:bytes|more)>|<[A-Z]\w{0,60}>"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]\w{0,60}\.[A-Z][A-Z0-9_]{0,60}"
    r"|\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?")
_LOGGER = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TYPE = re.compile(r"[A-Za-z_][\w.<>]{0,150}")
_FRAME = re.compile(r"[\w.<>]{1,150}:[\w<>]{1,100}:(?:\d{1,7}|None)")
_THREAD = re.compile(r"MainThread|Thread-\d+(?: \(\w{1,60}\))?|[Tt]rio thread \d+|log writer")
_TASK = re.compile(r"plugin [a-z][a-z0-9-]{0,60}|(?:[a-z][a-z0-9-]{0,60}: )?[A-Za-z_][\w.<>]{0,120}")
_CRASH = re.compile(r'  File ".*?((?:tulou\w*[/\\])?[\w.<>-]+)", line (\d+) in ([\w<>]+)')
_CRASH_HEAD = re.compile(
    r"Fatal Python error: [A-Z][\w ]{0,60}|(?:Current thread|Thread) 0x[0-9a-f]+ (?:\[[\w ]+\] )?"
    r"\(most recent call first\):|Windows fatal exception: [\w ]{1,60}")


class Allowed:
    """Makes of a line what may leave of it."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._literals = Literals()
        self._names = frozenset(names)
        """Plugins' names: they may stand in arguments."""

    def line(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """One line."""
        logger = str(table.get("logger", ""))
        if not _LOGGER.fullmatch(logger):
            logger = TEXT
        known = self._literals.of(logger) if logger != TEXT else frozenset()
        made: dict[str, Any] = {
            "number": _number(table.get("number")), "time": _matching(table.get("time"), _SAFE),
            "level": table.get("level") if table.get("level") in _LEVELS else TEXT, "logger": logger,
            "message": table["message"] if table.get("message") in known else TEXT,
        }
        if table.get("arguments"):
            made["arguments"] = self._value(table["arguments"], known)
        if isinstance(table.get("fields"), Mapping):
            made["fields"] = self._value(table["fields"], known)
        for key, shape in (("correlation", _SAFE), ("thread", _THREAD), ("task", _TASK)):
            if key in table:
                made[key] = _matching(table[key], shape)
        if isinstance(table.get("error"), list):
            made["error"] = [self._error(each, known) for each in table["error"] if isinstance(each, Mapping)]
        return made

    def _value(self, value: Any, known: frozenset[str]) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return value if _SAFE.fullmatch(value) or value in self._names else TEXT
        if isinstance(value, list):
            return [self._value(each, known) for each in value]
        if isinstance(value, Mapping):
            if value.keys() == {"public"} and isinstance(value["public"], str):
                return dict(value)
            return {name if name in known else TEXT: self._value(each, known)
                    for name, each in value.items()}
        return TEXT

    def _error(self, error: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
        frames = error.get("frames")
        return {
            "type": _matching(error.get("type"), _TYPE),
            "text": error["text"] if error.get("text") in known else TEXT,
            "frames": [_matching(each, _FRAME) for each in frames] if isinstance(frames, list) else [],
        }


_LEVELS = ("debug", "info", "warning", "error", "critical")


def _matching(value: Any, shape: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and shape.fullmatch(value) else TEXT


def _number(value: Any) -> int:
    return value if type(value) is int else 0


def crash_lines(dump: str) -> list[str]:
    """What may leave of the interpreter's own note on where it died: functions and lines, no folders."""
    made = []
    for line in dump.splitlines()[:400]:
        match = _CRASH.fullmatch(line)
        if match:
            made.append(f"{match[1]}:{match[3]}:{match[2]}")
        elif _CRASH_HEAD.fullmatch(line):
            made.append(line)
    return made


def make(
    lines: Iterable[bytes], which: LogFilter, *, names: Iterable[str] = (), crash: Sequence[str] = (),
) -> LogReport:
    """Filter, reduce and pack. Raises `LogsError` when nothing fits."""
    allowed = Allowed(names)
    kept: list[bytes] = []
    size = 0
    for raw in lines:
        line = parse(raw)
        if line is not None and fits(line, which):
            text = json.dumps(allowed.line(json.loads(raw)), ensure_ascii=False).encode() + b"\n"
            kept.append(text)
            size += len(text)
            if size > 2 * MOST:
                kept, size = _newest(kept)
    kept, _ = _newest(kept)
    if not kept and not crash:
        raise LogsError("there are no lines in this range; choose another one")
    report_id = new_id()
    head = {"report": report_id, "tulou": __version__, "python": platform.python_version(),
            "system": platform.system(), "lines": len(kept)}
    if crash:
        head["crash"] = list(crash)
    return LogReport(id=report_id, lines=len(kept), parts=list(_packed(head, kept)))


def _newest(kept: list[bytes]) -> tuple[list[bytes], int]:
    size, start = 0, len(kept)
    while start and size + len(kept[start - 1]) <= MOST:
        start -= 1
        size += len(kept[start])
    return kept[start:], size


def _packed(head: Mapping[str, Any], lines: Sequence[bytes]) -> Iterator[bytes]:
    """Each part begins with a line that says of which report it is, and which one."""
    number, part, size = 1, [json.dumps({**head, "part": 1}).encode() + b"\n"], 0
    for line in lines:
        if size and size + len(line) > PART:
            yield gzip.compress(b"".join(part), 6, mtime=0)
            number, size = number + 1, 0
            part = [json.dumps({"report": head["report"], "part": number}).encode() + b"\n"]
        part.append(line)
        size += len(line)
    yield gzip.compress(b"".join(part), 6, mtime=0)


def unpacked(report: LogReport) -> str:
    """What the bytes of a report say."""
    return b"".join(map(gzip.decompress, report.parts)).decode()
