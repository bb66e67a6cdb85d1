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
"""What every event may carry besides its own fields; filled in by the pre-processor `Enrich`."""

COUNT = "count"
"""The field that aggregation adds; no row may declare it, nor one of `COMMON`."""

_LARGEST = 2**53 - 1
"""Beyond it JSON readers disagree (RFC 8259, section 6)."""


class Row:
    """A specification, compiled.

    `until`: microseconds since 1970 UTC after which it is not kept; `drop`: why this person's are
    never kept (``disabled``, ``sampled``), empty when they are.
    """

    __slots__ = ("spec", "name", "until", "drop", "_own", "_required", "_plans", "_all")

    def __init__(self, spec: EventSpec, *, until: int = 2**63, drop: str = "") -> None:
        self.spec = spec
        self.name = spec.name
        self.until = until
        self.drop = drop
        self._own = {field.name: _test(field) for field in spec.fields}
        self._all = self._own | {field.name: _test(field) for field in COMMON}
        self._required = frozenset(field.name for field in spec.fields if field.required)
        every = (*spec.fields, *COMMON)
        self._plans = {consent: _plan(every, consent) for consent in Consent}

    def fault(self, fields: Mapping[str, Value]) -> str:
        """Why these fields do not fit, in words; empty when they do."""
        return self._fault(fields, self._own)

    def fault_enriched(self, fields: Mapping[str, Value]) -> str:
        """As `fault`, when pre-processors have added to it."""
        return self._fault(fields, self._all)

    def _fault(self, fields: Mapping[str, Value], tests: Mapping[str, Callable[[object], bool]]) -> str:
        for name, value in fields.items():
            test = tests.get(name)
            if test is None:
                return f"it has no field {name!r}; it has {', '.join(self._own) or 'none'}"
            if not test(value):
                return f"the field {name!r} {self._wanted(name)}, not {_shown(value)}"
        if not self._required <= fields.keys():
            lacking = sorted(self._required - fields.keys())
            return f"it lacks {', '.join(map(repr, lacking))}"
        return ""

    def _wanted(self, name: str) -> str:
        field = next(each for each in (*self.spec.fields, *COMMON) if each.name == name)
        if field.choices:
            return f"is one of {', '.join(field.choices)}"
        if field.type is FieldType.TEXT:
            return f"is a text of at most {field.longest} characters that UTF-8 can write"
        return f"is of the type {field.type.value}"

    def redacted(
        self, fields: Mapping[str, Value], consent: Consent, pseudonym: Callable[[str], str]
    ) -> dict[str, Value]:
        """What of the fields may leave; with `pseudonym` in the place of identifiers where it must."""
        plain, hashed = self._plans[consent]
        left = {name: value for name, value in fields.items() if name in plain}
        if hashed:
            for name in hashed & fields.keys():
                left[name] = pseudonym(f"{name}\0{fields[name]}")
        return left


def _plan(fields: tuple[Field, ...], consent: Consent) -> tuple[frozenset[str], frozenset[str]]:
    """Names that leave as they are, and names of which a hash leaves."""
    if consent is Consent.OFF:
        return frozenset(), frozenset()
    most = PersonalData.PERSONAL if consent is Consent.FULL else PersonalData.NONE
    plain = frozenset(each.name for each in fields if each.personal <= most)
    hashed = frozenset(each.name for each in fields if each.personal is PersonalData.IDENTIFIER) - plain
    return plain, hashed


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
