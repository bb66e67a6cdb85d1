"""A record of the standard library as one line of JSON, redacted, in a few microseconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from logging import LogRecord
from threading import get_ident
from typing import Any

from tulou.correlation import correlation
from tulou_contracts.logs import Secret
from tulou_log.describing import Describer, quoted
from tulou_log.redaction import Redactor, secret_arguments

REMEMBERED = 4096
"""Entries of each memory: people and templates repeat."""
_SHORT = 200
_TEMPLATE = 3000
_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_PLUGIN = "tulou.plugin."
_STANDARD = frozenset(vars(LogRecord("", 0, "", 0, "", None, None))) | {
    "message", "asctime", "taskName"}
_USUAL = len(vars(LogRecord("", 0, "", 0, "", None, None)))
_NO_NAMES = ("", "")

LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


def module_of(logger: str) -> str:
    """What people call a logger: a plugin by its name, the kernel ``kernel``."""
    if logger.startswith(_PLUGIN):
        return logger[len(_PLUGIN):]
    if logger.startswith("tulou_"):  # a module of a plugin that logs by its own name
        package, dot, rest = logger[len("tulou_"):].partition(".")
        return package.replace("_", "-") + dot + rest
    return logger.removeprefix("tulou.")


class Renderer:
    """`render` makes the line. Not thread-safe: the handler's lock is held around it."""

    def __init__(self, redactor: Redactor, task_name: Callable[[], str] = lambda: "") -> None:
        self._redactor = redactor
        self._describer = Describer(redactor)
        self._task_name = task_name
        self.loop_thread = 0
        """In which thread asking for the task's name makes sense."""
        self._heads: dict[tuple[int, str, str], str] = {}
        self._guarded: dict[str, frozenset[int]] = {}
        """Template -> which of its arguments are secret; of all templates that have a head, at least."""
        self._texts: dict[str, str] = {}
        self._tails: dict[tuple[Any, str], str] = {}
        self._act = self._act_json = ""
        self._second = -1
        self._prefix = ""

    def render(self, record: LogRecord, number: int) -> bytes:
        """UTF-8, ending with a line feed."""
        message = record.msg
        arguments: Any = record.args
        if type(message) is not str:
            message, arguments = "%s", (message,)
        head = self._heads.get((record.levelno, record.name, message))
        if head is None:
            head = self._head(record, message)
        parts = [f'{{"number":{number},"time":"{self._time(record.created)}"{head}']
        if arguments:
            if message in self._guarded:
                arguments = _without(arguments, self._guarded[message])
            parts.append(self._arguments(arguments))
        values = vars(record)
        if len(values) != _USUAL:
            parts.append(self._extra(values))
        if record.exc_info:
            error = record.exc_info[1]
            if error is not None:
                parts.append(f',"error":{self._describer.error(error)}')
        act = correlation()
        if act:
            parts.append(self._act_json if act == self._act else self._correlated(act))
        task = self._task_name() if record.thread == self.loop_thread else ""
        tail = self._tails.get((record.threadName, task))
        parts.append(self._tail(record.threadName, task) if tail is None else tail)
        return "".join(parts).encode("utf-8", "replace")

    def _arguments(self, arguments: Any) -> str:
        if type(arguments) is not tuple:
            return f',"arguments":{self._describer.value(arguments)}'
        texts, describe = self._texts, self._describer.value
        made = []
        for each in arguments[:20]:
            kind = type(each)
            if kind is str:
                found = texts.get(each)
                made.append(self._text(each) if found is None else found)
            elif kind is int and -_SAFE < each < _SAFE:
                made.append(str(each))
            else:
                made.append(describe(each))
        return f',"arguments":[{",".join(made)}]'

    def _text(self, text: str) -> str:
        if len(text) == 36 and _UUID(text):  # ids are new each time, and safe
            return f'"{text}"'
        made = quoted(self._redactor.scrub(text))
        if len(text) <= _SHORT:
            if len(self._texts) >= REMEMBERED:
                self._texts.clear()
            self._texts[text] = made
        return made

    def _time(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            try:
                self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            except (ValueError, OverflowError, OSError):  # a clock that is out of its mind
                self._prefix = "1970-01-01T00:00:00"
            self._second = second
        return f"{self._prefix}.{int((created - second) * 1e6):06d}Z"

    def _head(self, record: LogRecord, message: str) -> str:
        level = LEVELS.get(record.levelno) or LEVELS[min(50, max(10, record.levelno // 10 * 10))]
        template = self._redactor.scrub(message)
        secret = secret_arguments(message[:_TEMPLATE]) if template != message else None
        if secret:
            if len(self._guarded) >= REMEMBERED:
                self._guarded.clear()
                self._heads.clear()
            self._guarded[message] = secret
        name = record.name if _ID.match(record.name) else self._redactor.scrub(record.name[:_SHORT])
        made = (f',"level":"{level}","logger":{quoted(name)},'
                f'"message":{quoted(template)}')
        if len(message) <= 2 * _SHORT:
            if len(self._heads) >= REMEMBERED:
                self._heads.clear()
                self._guarded.clear()
                if secret:
                    self._guarded[message] = secret
            self._heads[record.levelno, record.name, message] = made
        return made

    def _extra(self, values: dict[str, Any]) -> str:
        extra = {name: each for name, each in values.items() if name not in _STANDARD}
        return f',"fields":{self._describer.fields(extra)}' if extra else ""

    def _correlated(self, act: str) -> str:
        if not _ID.match(act):
            act_kept = self._redactor.pseudonym(act[:1000])
        else:
            act_kept = self._redactor.scrub(act)
        self._act, self._act_json = act, f',"correlation":{quoted(act_kept)}'
        return self._act_json

    def _tail(self, thread: str | None, task: str) -> str:
        names = [f',"{key}":{quoted(self._redactor.scrub(str(name)[:_SHORT]))}'
                 for key, name in (("thread", thread), ("task", task)) if name]
        made = "".join(names) + "}\n"
        if len(self._tails) >= REMEMBERED:
            self._tails.clear()
        self._tails[thread, task] = made
        return made


_SAFE = 1 << 53
_HIDDEN = Secret("")


def _without(arguments: Any, secret: frozenset[int]) -> Any:
    if type(arguments) is not tuple:
        return _HIDDEN
    return tuple(_HIDDEN if number in secret else each for number, each in enumerate(arguments))


def this_thread() -> int:
    """What `LogRecord.thread` is here."""
    return get_ident()
