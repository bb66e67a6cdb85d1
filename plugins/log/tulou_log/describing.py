"""Values and exceptions as JSON that may be kept."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence, Set
from enum import Enum
from json.encoder import encode_basestring
from os import strerror
from pathlib import PurePath
from socket import gaierror
from traceback import walk_tb
from types import TracebackType
from typing import Any

from tulou.errors import TulouError
from tulou_contracts.logs import Personal, Public, Secret
from tulou_log.redaction import LONGEST, Redactor, names_a_secret, visible

_ITEMS = 20
_DEPTH = 3
_FRAMES = 30
_CHAIN = 5
_LARGEST = 1 << 63
_NAMES, _NAME = 1000, 80
_PLAIN = {None: "null", True: "true", False: "false"}
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_ ]{1,80}\Z")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|‘[^’]*’|“[^”]*”|«[^»]*»|`[^`]*`", re.S)


def quoted(text: str) -> str:
    """A text as JSON; control characters are escaped. Lone surrogates are left for the encoder."""
    made = encode_basestring(text)
    return made if made.isascii() and "\x7f" not in made else visible(made)


class Describer:
    """Makes JSON of what is logged, and never calls what a value brings along: no `__str__`, no
    `__repr__`, so nothing that a value does can fail, block or tell more than its kind."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._names: dict[str, tuple[str, bool]] = {}
        self._kinds: dict[type, Callable[[Any, int], str]] = {
            str: lambda text, depth: quoted(redactor.scrub(text)),
            int: lambda number, depth: (
                int.__repr__(number) if -_LARGEST <= number < _LARGEST else '"<number>"'),
            bool: lambda flag, depth: "true" if flag else "false",
            float: lambda number, depth: _number(number),
            type(None): lambda none, depth: "null",
            Secret: lambda secret, depth: '"<secret>"',
            Personal: lambda person, depth: quoted(redactor.pseudonym(_text(person.value))),
            Public: lambda public, depth: f'{{"public":{quoted(_text(public.value)[:LONGEST])}}}',
        }

    def value(self, value: Any, depth: int = 0) -> str:
        """One value as JSON text."""
        describe = self._kinds.get(type(value))
        if describe is not None:
            return describe(value, depth)
        if isinstance(value, Enum):
            return quoted(f"{type(value).__name__}.{value.name}")
        for kind in (Secret, Personal, Public, bool, int, float, str):  # their sub-classes
            if isinstance(value, kind):
                return self._kinds[kind](_plain(value, kind), depth)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> str:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f'"<{len(value)} bytes>"'
        if isinstance(value, PurePath):
            return '"<path>"'
        if isinstance(value, BaseException):
            return quoted(self.error_text(value))
        if isinstance(value, (datetime.date, datetime.time)):
            return quoted(value.isoformat()) if type(value).__module__ == "datetime" else '"<moment>"'
        if isinstance(value, type):
            return quoted(value.__name__)
        if depth < _DEPTH and type(value) in (dict, list, tuple, set, frozenset):
            return self._many(value, depth + 1)
        return quoted(f"<{type(value).__name__}>")

    def _many(self, value: Mapping[Any, Any] | Sequence[Any] | Set[Any], depth: int) -> str:
        if isinstance(value, Mapping):
            return self.fields(dict(list(value.items())[:_ITEMS]), depth)
        if len(value) == 2 and isinstance(value, (list, tuple)) and type(value[0]) is str:  # name and value
            name, secret = self._name(value[0])
            if secret:
                return f"[{name},{self._hidden(value[1])}]"
        return f"[{','.join([self.value(each, depth) for each in list(value)[:_ITEMS]])}]"

    def fields(self, values: Mapping[Any, Any], depth: int = 0) -> str:
        """Named values as a JSON object."""
        made = []
        for key, each in values.items():
            name, secret = self._name(key)
            made.append(f"{name}:{self._hidden(each) if secret else self.value(each, depth)}")
        return "{%s}" % ",".join(made)

    def _name(self, name: Any) -> tuple[str, bool]:
        """As JSON, and whether what has this name is secret."""
        if type(name) is not str:
            return '"<key>"', False
        found = self._names.get(name)
        if found is None:
            found = quoted(self._redactor.scrub(name)), names_a_secret(name)
            if len(name) <= _NAME:
                if len(self._names) >= _NAMES:
                    self._names.clear()
                self._names[name] = found
        return found

    @staticmethod
    def _hidden(value: Any) -> str:
        """Only that there is none, or yes or no."""
        return _PLAIN[value] if value is None or type(value) is bool else '"<secret>"'

    def error_text(self, error: BaseException) -> str:
        """What an exception says, as far as it may be kept.

        Sentences of ours are for people and are scrubbed like any text, without what they quote of
        others' errors. The system's and the interpreter's own speak of code. All others may say anything
        of what they were given, so their kind has to do.
        """
        kind = type(error).__name__
        if isinstance(error, OSError):
            return f"{kind}: {_of_system(error)}"
        if isinstance(error, TulouError):
            return self._redactor.scrub(self._without_others(error))
        if isinstance(error, _OF_CODE) or type(error).__module__.partition(".")[0] == "trio":
            return f"{kind}: {self._redactor.scrub(_QUOTED.sub('<text>', _said(error)))}"
        return kind

    def _without_others(self, error: BaseException) -> str:
        said = _said(error)
        cause, left = error.__cause__ or error.__context__, _CHAIN
        while cause is not None and left:
            if not isinstance(cause, (TulouError, OSError, *_OF_CODE)):
                texts = {_said(cause), *map(_text, cause.args)} - {""}
                for each in sorted(texts, key=len, reverse=True):
                    said = said.replace(each, "<text>")
            cause, left = cause.__cause__ or cause.__context__, left - 1
        return said

    def error(self, error: BaseException) -> str:
        """An exception and what led to it, as JSON: type, text and frames; no line of source and no
        value of a variable."""
        chain: list[str] = []
        seen: set[int] = set()
        waiting: list[BaseException] = [error]
        while waiting and len(chain) < _CHAIN:
            each = waiting.pop(0)
            if id(each) in seen:
                continue
            seen.add(id(each))
            chain.append(
                f'{{"type":{quoted(_kind(each))},"text":{quoted(self.error_text(each))},'
                f'"frames":[{",".join(map(quoted, _frames(each.__traceback__)))}]}}'
            )
            if isinstance(each, BaseExceptionGroup):
                waiting += each.exceptions
            led = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
            if led is not None:
                waiting.append(led)
        return f"[{','.join(chain)}]"


_OF_CODE = (AttributeError, NameError, ImportError, RecursionError, IndexError, TypeError, ArithmeticError)
"""What the interpreter says of code."""


def _said(error: BaseException) -> str:
    return " ".join([_text(each) for each in error.args if isinstance(each, str)])[:2 * LONGEST]


def _of_system(error: OSError) -> str:
    reason = getattr(error, "reason", None)  # that of TLS
    if isinstance(reason, str) and _CONSTANT.match(reason):
        return reason
    if isinstance(error.errno, int) and error.errno > 0:
        return strerror(error.errno)
    return "an address cannot be found" if isinstance(error, gaierror) else "<text>"


def _number(number: float) -> str:
    return float.__repr__(number) if math.isfinite(number) else f'"{float.__repr__(number)}"'


def _plain(value: Any, kind: type) -> Any:
    """Without what a sub-class made of it."""
    if kind in (int, float, bool):
        return kind(value) if kind is bool else getattr(kind, "__pos__")(value)
    return str.__str__(value) if kind is str else value


def _text(value: Any) -> str:
    return str.__str__(value) if isinstance(value, str) else ""


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _frames(traceback: TracebackType | None) -> list[str]:
    """``module:function:line``, outermost first, the innermost ones when there are many."""
    frames = [
        f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{line}"
        for frame, line in walk_tb(traceback)
    ]
    return frames[-_FRAMES:]
