"""Stand-ins: objects made from a contract alone, whose methods answer something of the right type."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
import typing
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_SEQUENCES = (collections.abc.Sequence, collections.abc.Iterable, tuple)
_MAPPINGS = (collections.abc.Mapping, dict)


def stand_in(contract: type[T], **overrides: Any) -> T:
    """An object that fulfils `contract`: each method answers an empty value of its annotated type,
    or what the work that it is given answers on stand-ins.

    `overrides` replace single members, e.g. ``stand_in(Messenger, send=my_send)``.
    """
    members: dict[str, Any] = {}
    for klass in reversed(contract.__mro__):
        if klass is object or klass.__module__ == "typing":
            continue
        hints = typing.get_type_hints(klass)
        for name, hint in hints.items():
            if not name.startswith("_"):
                members[name] = empty(hint)
        for name, member in vars(klass).items():
            if not name.startswith("_"):
                if inspect.isfunction(member):
                    members[name] = _method(member)
                elif isinstance(member, property):
                    members[name] = empty(typing.get_type_hints(member.fget).get("return", Any))
    members.update({k: staticmethod(v) if callable(v) else v for k, v in overrides.items()})
    made: T = type(f"StandIn{contract.__name__}", (), members)()
    return made


def _method(function: Any) -> Any:
    hints = typing.get_type_hints(function)
    answer, signature = hints.get("return", Any), inspect.signature(function)
    works = {name: hint for name, hint in hints.items() if isinstance(answer, TypeVar)
             and typing.get_origin(hint) is collections.abc.Callable and typing.get_args(hint)[1] is answer}

    def answered(*args: Any, **named: Any) -> Any:
        # `write(work: Callable[[Transaction], T]) -> T`: only the work knows what the answer looks like
        given = signature.bind(*args, **named).arguments
        for name, hint in works.items():
            if name in given:
                return given[name](*map(empty, typing.get_args(hint)[0]))
        return empty(answer)

    if inspect.iscoroutinefunction(function):
        async def asynchronous(*args: Any, **named: Any) -> Any:
            return answered(*args, **named)
        made: Any = asynchronous
    else:
        def synchronous(*args: Any, **named: Any) -> Any:
            return answered(*args, **named)
        made = synchronous
    made.__signature__ = signature
    return made


def empty(hint: Any) -> Any:
    """An empty value of an annotated type; for another contract, a stand-in of it."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None if type(None) in args else empty(args[0])
    if origin is typing.Literal:
        return args[0]
    if origin in (AbstractAsyncContextManager,):
        return _context(args[0])
    if origin is tuple and args and args[-1] is not Ellipsis:
        return tuple(empty(each) for each in args)
    if origin in _SEQUENCES:
        return ()
    if origin in _MAPPINGS or hint in _MAPPINGS:
        return {}
    if origin is list:
        return []
    if not isinstance(hint, type) or hint is type(None) or hint is Any:
        return None
    return _empty_class(hint)


def _empty_class(hint: type) -> Any:
    if issubclass(hint, enum.Enum):
        return next(iter(hint))
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        needed = [f for f in fields(hint) if f.default is MISSING and f.default_factory is MISSING]
        return hint(**{each.name: empty(hints[each.name]) for each in needed})
    if getattr(hint, "_is_protocol", False):
        return stand_in(hint)
    if hint in (str, int, float, bool, bytes, dict, list, set, frozenset, tuple):
        return hint()
    return None


def _context(inner: Any) -> Any:
    @asynccontextmanager
    async def manager() -> typing.AsyncIterator[Any]:
        yield empty(inner)
    return manager()
