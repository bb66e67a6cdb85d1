"""Settings as dataclasses: from a TOML table to a checked instance, every fault at once."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar

C = TypeVar("C")


def bind(config: type[C], table: Mapping[str, Any], where: str) -> tuple[C | None, list[str]]:
    """An instance of the dataclass `config` filled from `table`, or None and what is wrong.

    `where` says in every sentence which file and table is meant. Each argument of a `ValueError`
    from ``__post_init__`` becomes a sentence too.
    """
    from dataclasses import MISSING, fields, is_dataclass

    if not is_dataclass(config):
        return None, [f"{where}: {config!r} is no dataclass"]
    hints = typing.get_type_hints(config)
    known = {each.name: each for each in fields(config) if each.init}
    problems = [_unknown(where, key, known) for key in table if key not in known]
    values: dict[str, Any] = {}
    for name, each in known.items():
        if name in table:
            value, faults = convert(table[name], hints[name], f"{where}.{name}")
            problems += faults
            values[name] = value
        elif each.default is MISSING and each.default_factory is MISSING:
            problems.append(f"{where}: {name!r} is missing; give it {describe(hints[name])}")
    if problems:
        return None, problems
    try:
        return config(**values), []
    except ValueError as error:
        return None, [f"{where}: {each}" for each in error.args]


def _unknown(where: str, key: str, known: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else (
        f"it knows {', '.join(map(repr, known))}" if known else "it knows no settings")
    return f"{where}: unknown key {key!r}; {hint}"


def convert(value: Any, hint: Any, where: str) -> tuple[Any, list[str]]:
    """A TOML value as the annotated type, or what is wrong with it."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value, []
    if origin in (typing.Union, types.UnionType):
        for option in args:
            if option is not type(None):
                converted, faults = convert(value, option, where)
                if not faults:
                    return converted, []
        return None, [_wrong(value, hint, where)]
    if origin is Literal:
        return (value, []) if value in args else (None, [_wrong(value, hint, where)])
    if origin in (list, tuple):
        return _sequence(value, hint, where)
    if origin is dict:
        return _mapping(value, hint, where)
    if isinstance(hint, type):
        return _scalar(value, hint, where)
    return None, [f"{where}: settings of type {hint!r} are not supported"]


def _scalar(value: Any, hint: type, where: str) -> tuple[Any, list[str]]:
    if hasattr(hint, "__dataclass_fields__") and isinstance(value, Mapping):
        return bind(hint, value, where)
    if issubclass(hint, Enum):
        # compared, not looked up: a table or a list has no hash
        meant = next((each for each in hint if each.value == value), None)
        return (meant, []) if meant is not None else (None, [_wrong(value, hint, where)])
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser(), []
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), []
    if hint in (str, int, float, bool, dict, list) and type(value) is hint:
        return value, []
    return None, [_wrong(value, hint, where)]


def _sequence(value: Any, hint: Any, where: str) -> tuple[Any, list[str]]:
    if not isinstance(value, list):
        return None, [_wrong(value, hint, where)]
    inner = typing.get_args(hint)[0]
    pairs = [convert(each, inner, f"{where}[{index}]") for index, each in enumerate(value)]
    made = typing.get_origin(hint)(each for each, _ in pairs)
    return made, [fault for _, faults in pairs for fault in faults]


def _mapping(value: Any, hint: Any, where: str) -> tuple[Any, list[str]]:
    if not isinstance(value, dict):
        return None, [_wrong(value, hint, where)]
    inner = typing.get_args(hint)[1]
    pairs = {key: convert(each, inner, f"{where}.{key}") for key, each in value.items()}
    return ({key: each for key, (each, _) in pairs.items()},
            [fault for _, faults in pairs.values() for fault in faults])


def _wrong(value: Any, hint: Any, where: str) -> str:
    return f"{where}: {value!r} is {describe(type(value))}; it should be {describe(hint)}"


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false",
          list: "a list", dict: "a table", Path: "a path", type(None): "nothing"}


def describe(hint: Any) -> str:
    """A type in words for people."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(each) for each in args if each is not type(None))
    if origin in (list, tuple):
        return f"a list, each {describe(args[0])}"
    if origin is dict:
        return f"a table, each value {describe(args[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(repr(each.value) for each in hint)
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
