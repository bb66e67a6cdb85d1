"""How much each module tells: by a person, else by the company as far as that is allowed, else by the
composition. Kept in one small file, so that another process can change it while the app runs.

The company may ask for less at any time; for more only with a person's consent, given for what one
document says.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tulou_contracts.logs import LogsError, Verbosity

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_MOST = 500


class Levels:
    """What holds now, and the loggers it is applied to."""

    def __init__(self, path: Path, default: Verbosity) -> None:
        self._path = path
        self._default = default
        self._lock = threading.RLock()
        self._seen: tuple[int, int] | None = None
        self._before: dict[str, int] = {}
        self._applied: dict[str, int] = {}
        self.own: dict[str, Verbosity] = {}
        self.company: dict[str, Verbosity] = {}
        """What the newest document says."""
        self.version = 0
        self.answer: bool | None = None
        """What a person said to its more verbose part."""

    # -- what holds ---------------------------------------------------------------------------

    def holding(self) -> dict[str, Verbosity]:
        """Module -> level; ``""`` for all that are not named."""
        agreed = {name: level for name, level in self.company.items()
                  if self.answer or level >= self._without_company(name)}
        return {"": self._default, **agreed, **self.own}

    def wishes(self) -> dict[str, Verbosity]:
        """What the company asks for beyond what holds, while nobody has answered."""
        if self.answer is not None:
            return {}
        return {name: level for name, level in self.company.items() if level < self._without_company(name)}

    def _without_company(self, module: str) -> Verbosity:
        if module in self.own:
            return self.own[module]
        parent = module.rpartition(".")[0]
        if parent:
            return self._without_company(parent)
        return self.own.get("", self._default)

    # -- changes; each is in the file when it returns -----------------------------------------

    def set(self, module: str, level: Verbosity | None) -> None:
        """A person's word. Raises `LogsError`."""
        check_name(module)
        with self._lock:
            own = {name: each for name, each in self.own.items() if name != module}
            if level is not None:
                own[module] = level
            self._keep(own, self.company, self.version, self.answer)

    def take_document(self, version: int, content: Mapping[str, Any]) -> bool:
        """What the company says now; whether there are wishes that nobody has answered.

        Raises `LogsError` when the document is not of its form; what held goes on to hold.
        """
        wanted = levels_of(content.get("levels", {}))
        with self._lock:
            if (version, wanted) != (self.version, self.company):
                same = wanted == self.company
                self._keep(self.own, wanted, version, self.answer if same else None)
            return bool(self.wishes())

    def answer_wishes(self, consent: bool) -> None:
        """A person's answer; consent takes back what the person had set for the same modules."""
        with self._lock:
            asked = self.wishes()
            own = {name: each for name, each in self.own.items() if not (consent and name in asked)}
            self._keep(own, self.company, self.version, consent)

    def _keep(self, own: dict[str, Verbosity], company: dict[str, Verbosity], version: int,
              answer: bool | None) -> None:
        table = {
            "levels": {name: level.name.lower() for name, level in sorted(own.items())},
            "company": {name: level.name.lower() for name, level in sorted(company.items())},
            "version": version, "answer": answer,
        }
        half = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(half, "w", encoding="utf-8") as file:
                json.dump(table, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self._path)
        except OSError as error:
            raise LogsError(f"the levels cannot be kept: {error.strerror or error}; check the room on the"
                            " disk and the folder's permissions") from error
        self.own, self.company, self.version, self.answer = own, company, version, answer
        self._seen = self._stamp()
        if self._applied:
            self.apply()

    # -- the file -----------------------------------------------------------------------------

    def load(self) -> None:
        """What the file says; one that is damaged says nothing."""
        with self._lock:
            self._seen = self._stamp()
            try:
                table = json.loads(self._path.read_text("utf-8"))
                own, company = levels_of(table["levels"]), levels_of(table.get("company", {}))
                version, answer = table.get("version", 0), table.get("answer")
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, LogsError):
                own, company, version, answer = {}, {}, 0, None
            self.own, self.company = own, company
            self.version = version if type(version) is int else 0
            self.answer = answer if isinstance(answer, bool) else None

    def look(self) -> bool:
        """Take over what another process has changed; whether it had. From any thread."""
        with self._lock:
            if self._stamp() == self._seen:
                return False
            self.load()
            if self._applied:
                self.apply()
            return True

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    # -- the loggers --------------------------------------------------------------------------

    def apply(self) -> None:
        """Set the standard library's loggers, until `restore`."""
        with self._lock:
            wanted: dict[str, int] = {}
            for module, level in self.holding().items():
                wanted |= dict.fromkeys(loggers_of(module), int(level))
            for name in self._applied.keys() - wanted.keys():
                logging.getLogger(name).setLevel(self._before.pop(name))
            for name, number in wanted.items():
                logger = logging.getLogger(name)
                self._before.setdefault(name, logger.level)
                if logger.level != number:
                    logger.setLevel(number)
            self._applied = wanted

    def restore(self) -> None:
        """As the loggers were before `apply`."""
        with self._lock:
            for name, number in self._before.items():
                logging.getLogger(name).setLevel(number)
            self._before.clear()
            self._applied = {}


def loggers_of(module: str) -> tuple[str, ...]:
    """The loggers behind the name of a module: a plugin's, the kernel's, a library's."""
    if not module:  # a plugin's modules may log by their own names
        known = tuple(logging.Logger.manager.loggerDict)
        return ("tulou", *{name.partition(".")[0] for name in known if name.startswith("tulou_")})
    return f"tulou.plugin.{module}", f"tulou.{module}", f"tulou_{module.replace('-', '_')}", module


def check_name(module: str) -> None:
    """Raises `LogsError` for what cannot be a module's name; the empty one means all others."""
    if module and not _NAME.match(module):
        raise LogsError(f"{module[:100]!r} is no module's name: use a plugin's name, e.g. 'im', 'kernel',"
                        " or a library's logger, e.g. 'urllib3'")


def level_of(word: Any) -> Verbosity:
    """The level of a name. Raises `LogsError`."""
    if isinstance(word, str) and word.upper() in Verbosity.__members__:
        return Verbosity[word.upper()]
    names = ", ".join(each.name.lower() for each in Verbosity)
    raise LogsError(f"{str(word)[:50]!r} is no level; use one of {names}")


def levels_of(table: Any) -> dict[str, Verbosity]:
    """Names and levels. Raises `LogsError`."""
    if not isinstance(table, Mapping) or len(table) > _MOST:
        raise LogsError(f"levels must be a table of at most {_MOST} names, e.g. {{\"im\": \"debug\"}}")
    found = {}
    for name, word in table.items():
        if not isinstance(name, str):
            raise LogsError("a level's name must be a text")
        check_name(name)
        found[name] = level_of(word)
    return found
