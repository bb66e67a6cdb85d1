"""Lines of JSON as `LogLine`s, from files, the ring and as they come."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tulou_contracts.logs import LogFilter, LogLine, Verbosity
from tulou_log.files import all_files
from tulou_log.recovery import peek
from tulou_log.rendering import module_of

_DIRECTIVE = re.compile(r"%(?:\(([^)]*)\))?([#0\- +]*\d*(?:\.\d+)?)[hlL]?([diouxXeEfFgGcrsa%])")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

Opener = Callable[[Path], Iterator[bytes]]
"""Reads the lines of a sealed file."""


def shown(text: str) -> str:
    """A text fit for a terminal: control characters written out."""
    return _UNSEEN.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), text)


def compose(template: str, arguments: Any) -> str:
    """Template and arguments as one text; they need not fit each other."""
    waiting = list(arguments) if isinstance(arguments, list) else []
    named = arguments if isinstance(arguments, Mapping) else {}

    def fill(match: re.Match[str]) -> str:
        name, flags, kind = match.groups()
        if kind == "%":
            return "%"
        if name is not None:
            value = named.get(name, match.group())
        elif waiting:
            value = waiting.pop(0)
        else:
            return match.group()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and kind in "diouxXeEfFgG":
            try:
                return f"%{flags}{kind}" % value
            except (TypeError, ValueError, OverflowError):
                return str(value)
        return _told(value)

    if not arguments:
        return template
    made = _DIRECTIVE.sub(fill, template)
    return " ".join([made, *map(_told, waiting)])


def _told(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"public"}:
        value = value["public"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parse(raw: bytes) -> LogLine | None:
    """One line; None when it is none of ours."""
    try:
        table = json.loads(raw)
        moment = datetime.datetime.fromisoformat(table["time"])
        return LogLine(
            number=int(table["number"]),
            at=(moment - _EPOCH) // datetime.timedelta(microseconds=1),
            level=Verbosity[table["level"].upper()],
            module=module_of(table["logger"]),
            message=shown(compose(table["message"], table.get("arguments"))),
            template=table["message"],
            arguments=table.get("arguments", ()),
            fields=table.get("fields", {}),
            correlation=table.get("correlation", ""),
            thread=table.get("thread", ""),
            task=table.get("task", ""),
            error=table.get("error", ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def fits(line: LogLine, which: LogFilter) -> bool:
    """Whether a line is meant."""
    module = which.module
    return (
        line.level >= which.level
        and line.at >= which.since
        and (which.until is None or line.at <= which.until)
        and (not module or line.module == module or line.module.startswith(f"{module}."))
        and (not which.correlation or line.correlation == which.correlation)
        and (not which.text or which.text.casefold() in line.message.casefold())
    )


def raw_lines(path: Path, opener: Opener | None = None) -> Iterator[bytes]:
    """Lines of one file as far as they can be read; a sealed one needs an opener."""
    try:
        if ".sealed" in path.name:
            if opener is not None:
                yield from opener(path)
        elif path.suffix == ".gz":
            import gzip
            import zlib

            try:
                with gzip.open(path, "rb") as packed:
                    yield from packed
            except (EOFError, zlib.error):
                return  # damaged: what came before is told
        else:
            with open(path, "rb") as file:
                yield from file
    except OSError:
        return  # deleted meanwhile, or not to be read


def stored(folder: Path, opener: Opener | None = None, since: int = 0) -> Iterator[bytes]:
    """Every line that is kept, files first, then what only rings hold."""
    last: dict[str, int] = {}
    for path in all_files(folder):
        try:
            if since and path.stat().st_mtime * 1e6 < since:
                continue
        except OSError:
            continue
        newest = b""
        for line in raw_lines(path, opener):
            newest = line
            yield line
        parsed = parse(newest) if newest else None
        if parsed is not None and not path.name.startswith("log-"):
            last[_owner(path.name)] = parsed.number
    for path in sorted(folder.glob("ring*")):
        if not path.name.endswith(".lock"):
            for line in peek(path):
                parsed = parse(line)
                if parsed is not None and parsed.number > last.get(_owner(path.name), 0):
                    yield line


def _owner(name: str) -> str:
    match = re.search(r"[.-](p\d+)", name)
    return match[1] if match else ""


def read(
    folder: Path, which: LogFilter, limit: int | None = None, opener: Opener | None = None
) -> list[LogLine]:
    """Lines that fit, oldest first, the newest `limit` of them; in the order they were written in,
    whatever the clock did, unless several processes wrote."""
    found = [
        line for raw in stored(folder, opener, which.since)
        if (line := parse(raw)) is not None and fits(line, which)
    ]
    if len({_owner(path.name) for path in all_files(folder)}) > 1:
        found.sort(key=lambda line: line.at)
    return found if limit is None else found[-limit:]
