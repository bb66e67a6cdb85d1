"""How contracts declare hooks and plugins implement them. Declaring costs no import of pluggy.

A specification is a function without a body, marked with `hook`::

    @hook(Kind.PIPELINE)
    async def outgoing_message(message: Draft) -> Draft | Prevent | None:
        "Sees every message before it is stored for sending."

An implementation is a method (or function) of the same name, marked with `implements`. It may
take fewer parameters than the specification, never others::

    class Signature:
        @implements(outgoing_message, stage=Stage.MODIFY)
        async def outgoing_message(self, message: Draft) -> Draft:
            return replace(message, body=message.body + " -- sent from Tulou")
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntEnum
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

SPEC_ATTRIBUTE = "__tulou_hook__"
IMPLEMENTATION_ATTRIBUTE = "__tulou_implements__"


class Kind(Enum):
    """What a call of the hook does with the answers of its implementations."""

    COLLECT = "collect"
    """Call all; the answer is the list of results that are not None."""
    FIRST = "first"
    """Call in order until one answers something other than None; that is the answer."""
    PIPELINE = "pipeline"
    """The first parameter passes through all, in stages; the answer is what came out, or Prevent."""


class Stage(IntEnum):
    """Where in a pipeline an implementation stands; stages run in this order."""

    PREVENT = 10
    """May answer `Prevent` and so stop everything; nothing has been changed yet."""
    EXTEND = 20
    """May add to the value."""
    MODIFY = 30
    """May change anything."""
    OBSERVE = 40
    """Sees the final value; what it answers is ignored."""


class Prevent(NamedTuple):
    """A pipeline's answer 'no', with a reason fit to be shown to a person."""

    reason: str
    plugin: str = ""


class Spec(NamedTuple):
    """What `hook` notes on a specification."""

    kind: Kind
    strict: bool


class Implementation(NamedTuple):
    """What `implements` notes on an implementation."""

    spec: Callable[..., Any]
    stage: Stage
    tryfirst: bool
    trylast: bool


def hook(kind: Kind = Kind.COLLECT, *, strict: bool = False) -> Callable[[F], F]:
    """Mark a function as the specification of a hook.

    A failing implementation is reported by plugin name and passed over; with `strict` it ends the
    call instead (the caller gets `HookError`), for hooks where passing over would be unsafe.
    """

    def mark(function: F) -> F:
        setattr(function, SPEC_ATTRIBUTE, Spec(kind, strict))
        return function

    return mark


def implements(
    spec: Callable[..., Any],
    *,
    stage: Stage = Stage.MODIFY,
    tryfirst: bool = False,
    trylast: bool = False,
) -> Callable[[F], F]:
    """Mark a function or method as an implementation of `spec`; sync or async, both work."""

    def mark(function: F) -> F:
        setattr(function, IMPLEMENTATION_ATTRIBUTE, Implementation(spec, stage, tryfirst, trylast))
        return function

    return mark
