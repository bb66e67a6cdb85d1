"""One row of the table, ready to be asked millions of times: may this event be, and what may leave."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tulou_contracts.tracking import Consent, EventSpec, Field, FieldType, PersonalData, Value

COMMON = (
    Field(name="app", personal=PersonalData.NONE, longest=40),
    Field(name="device", personal=PersonalData.NONE, choices=("pc", "pad", "phone")),
    Field(name="system", personal=PersonalData.NONE, longest=40),
    Field(name="session", personal=PersonalData.IDENTIFIER, longest=40),
    Field(name="user", personal=PersonalData.IDENTIFIER, longest=1024),
)
"""What every event may carry besides its own fields."""

COUNT = "count"
"""The field that aggregation adds; no row may declare it, nor one of `COMMON`."""

_LARGEST = 2**53 - 1
"""Beyond it JSON readers disagree (RFC 8259, section 6)."""


class Row:
    """A specification, compiled.

    `until`: microseconds since 1970 UTC after which it is not kept; `drop`: why this person's are
    never kept (``disabled``, ``sampled``), empty when they are.
    """

    __slots__ = ("spec", "name", "until", "drop", "largest", "window", "_tests", "_required", "_plans")

    def __init__(self, spec: EventSpec, *, until: int = 2**63, drop: str = "") -> None:
        self.spec = spec
        self.name = spec.name
        self.until = until
        self.drop = drop
        self.window = max(round(spec.window * 1e6), 1) if spec.window else 0
        """Microseconds."""
        self._tests = {field.name: _test(field) for field in spec.fields}
        self._required = frozenset(field.name for field in spec.fields if field.required)
        self.largest = 2 + sum(_largest(field) for field in spec.fields)
        """Bytes that its fields can take."""
        self._plans = {consent: _plan(spec.fields, consent) for consent in Consent}

    def fault(self, fields: Mapping[str, Value]) -> str:
        """Why these fields do not fit, in words; empty when they do."""
        tests = self._tests
        for name, value in fields.items():
            test = tests.get(name)
            if test is None:
                return f"it has no field {name!r}; it has {', '.join(tests) or 'none'}"
            if not test(value):
                return f"the field {name!r} {self._wanted(name)}, not {_shown(value)}"
        if self._required and not self._required <= fields.keys():
            lacking = sorted(self._required - fields.keys())
            return f"it lacks {', '.join(map(repr, lacking))}"
        return ""

    def _wanted(self, name: str) -> str:
        field = next(each for each in self.spec.fields if each.name == name)
        if field.choices:
            return f"is one of {', '.join(field.choices)}"
        if field.type is FieldType.TEXT:
            return f"is a text of at most {field.longest} characters that UTF-8 can write"
        return f"is of the type {field.type.value}"

    def redacted(
        self, fields: Mapping[str, Value], consent: Consent, pseudonym: Callable[[str], str]
    ) -> Mapping[str, Value]:
        """What of the fields may leave; with `pseudonym` in the place of identifiers where it must."""
        plain, hashed, whole = self._plans[consent]
        if whole:
            return fields
        left = {name: value for name, value in fields.items() if name in plain}
        if hashed:
            for name in hashed & fields.keys():
                left[name] = pseudonym(f"{name}\0{fields[name]}")
        return left


def _plan(fields: tuple[Field, ...], consent: Consent) -> tuple[frozenset[str], frozenset[str], bool]:
    """Names that leave as they are, names of which a hash leaves, and whether all leave as they are."""
    if consent is Consent.OFF:
        return frozenset(), frozenset(), False
    most = PersonalData.PERSONAL if consent is Consent.FULL else PersonalData.NONE
    plain = frozenset(each.name for each in fields if each.personal <= most)
    hashed = frozenset(each.name for each in fields if each.personal is PersonalData.IDENTIFIER) - plain
    return plain, hashed, len(plain) == len(fields)


def _largest(field: Field) -> int:
    """Bytes that a field can take at most, as JSON: a control character needs six."""
    longest = 6 * max([field.longest] if not field.choices else map(len, field.choices))
    return len(field.name) + 8 + (longest if field.type is FieldType.TEXT else 25)


def _test(field: Field) -> Callable[[object], bool]:
    """Whether a value fits a field. `bool` is an `int` in Python, and no number here."""
    if field.type is FieldType.BOOLEAN:
        return lambda value: value is True or value is False
    if field.type is FieldType.INTEGER:
        return lambda value: type(value) is int and -_LARGEST <= value <= _LARGEST
    if field.type is FieldType.NUMBER:
        return _is_number
    if field.choices:
        choices = frozenset(field.choices)
        return lambda value: type(value) is str and value in choices
    longest = field.longest
    return lambda value: (
        type(value) is str and len(value) <= longest and (value.isascii() or _writable(value)))


def _is_number(value: object) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int and -_LARGEST <= value <= _LARGEST


def _writable(text: str) -> bool:
    """Whether UTF-8 can write it: half a surrogate pair it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    """A value's type and size, never the value: it may be personal."""
    size = f" of {len(value)} characters" if isinstance(value, str) else ""
    return f"a value of type {type(value).__name__}{size}"
