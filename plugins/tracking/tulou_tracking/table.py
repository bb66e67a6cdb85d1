"""The table: what plugins declare, with what the server's signed table says over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tulou_contracts.tracking import EventSpec, Field, FieldType, PersonalData
from tulou_tracking.rows import COMMON, COUNT

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z][a-z0-9]*(-[a-z0-9]+)*)+\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
_RESERVED = frozenset(field.name for field in COMMON) | {COUNT}
_MOST_EVENTS = 2_000
_MOST_FIELDS = 50


class Rejected(ValueError):
    """An entry that cannot be used; the text says why."""


def collected(contributions: Iterable[tuple[str, Any]]) -> tuple[dict[str, EventSpec], list[str]]:
    """The table as declared in code, from (plugin, answer); a sentence for each row that is wrong."""
    found: dict[str, EventSpec] = {}
    problems = []
    for plugin, answer in contributions:
        if not isinstance(answer, (list, tuple)):
            problems.append(f"plugin {plugin!r} answers contribute_events with"
                            f" {type(answer).__name__}, not with a list of EventSpec")
            continue
        for spec in answer:
            fault = fault_of(spec)
            if not fault and spec.name in found and found[spec.name] != spec:
                fault = f"{spec.name!r} is declared before, by {found[spec.name].owner!r}, otherwise"
            if fault:
                problems.append(f"plugin {plugin!r} declares an event that is not used: {fault}")
            else:
                found.setdefault(spec.name, spec)
    return found, problems


def fault_of(spec: Any) -> str:
    """What is wrong with a declaration, in words; empty when nothing is."""
    if not isinstance(spec, EventSpec):
        return f"{spec!r} is no EventSpec"
    name = spec.name
    if not isinstance(name, str) or len(name) > 100 or not NAME.match(name):
        return f"the name {name!r} is not of the form 'owner.what-happened'"
    if not spec.owner:
        return f"{name!r} has no owner"
    if not 0 <= spec.sample <= 1:
        return f"{name!r}: sample = {spec.sample} is not between 0 and 1"
    if not 0 <= spec.window <= 86_400:
        return f"{name!r}: window = {spec.window} is not between 0 and 86400 seconds"
    if len(spec.fields) > _MOST_FIELDS:
        return f"{name!r} has {len(spec.fields)} fields; {_MOST_FIELDS} are the most"
    names = [field.name for field in spec.fields]
    if len(set(names)) < len(names):
        return f"{name!r} has a field twice"
    return next((f"{name!r}: {fault}" for fault in map(_fault_of_field, spec.fields) if fault), "")


def _fault_of_field(field: Field) -> str:
    if not _FIELD.match(field.name):
        return f"the field name {field.name!r} is not a lower-case word"
    if field.name in _RESERVED:
        return f"the field name {field.name!r} is taken: every event has it"
    if field.choices and field.type is not FieldType.TEXT:
        return f"the field {field.name!r} has choices, but is no text"
    if not 1 <= field.longest <= 10_000:
        return f"the field {field.name!r}: longest = {field.longest} is not between 1 and 10000"
    return ""


class Override:
    """A server's table, read: what it says of each event. Wrong entries are told and passed over."""

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        self.problems: list[str] = []
        self._entries: dict[str, Mapping[str, Any]] = {}
        if content is None:
            return
        events = content.get("events")
        if not isinstance(events, Mapping) or len(events) > _MOST_EVENTS:
            self.problems.append("the server's event table is not used: it needs 'events', an object of"
                                 f" at most {_MOST_EVENTS} entries")
            return
        for name, entry in events.items():
            if isinstance(entry, Mapping):
                self._entries[name] = entry
            else:
                self.problems.append(f"the server's event table: {name!r} is not an object")

    def over(self, declared: Mapping[str, EventSpec]) -> tuple[dict[str, EventSpec], set[str], list[str]]:
        """The table that holds, the names that are disabled, and what could not be used of ours."""
        table, disabled, problems = dict(declared), set[str](), list(self.problems)
        for name, entry in self._entries.items():
            try:
                known = declared.get(name)
                table[name] = _changed(known, entry) if known else _added(name, entry)
            except Rejected as error:
                problems.append(f"the server's event table: {str(name)[:100]!r} is not used: {error}")
                continue
            if entry.get("enabled") is False:
                disabled.add(name)
        return table, disabled, problems


def _changed(spec: EventSpec, entry: Mapping[str, Any]) -> EventSpec:
    """Narrow, sample, disable, or extend: nothing that lets more of a person out."""
    _known_keys(entry, {"enabled", "sample", "window", "valid_until", "fields"})
    fields = []
    changes = _mapping(entry, "fields")
    own = {field.name for field in spec.fields}
    if changes.keys() - own:
        raise Rejected(f"it has no field {sorted(changes.keys() - own)[0]!r}, and a server cannot add one")
    for field in spec.fields:
        fields.append(_narrowed(field, changes.get(field.name, {})))
    window = _number(entry, "window", spec.window)
    if window < spec.window:
        raise Rejected(f"a window of {window:g} seconds would tell more than one of {spec.window:g}")
    return _checked(replace(
        spec, fields=tuple(fields), sample=_number(entry, "sample", spec.sample), window=window,
        valid_until=_day(entry) if "valid_until" in entry else spec.valid_until,
    ))


def _narrowed(field: Field, change: Any) -> Field:
    if change is None:  # taken away: what is tracked in code stays valid, and never leaves
        return replace(field, personal=PersonalData.NEVER)
    if not isinstance(change, Mapping):
        raise Rejected(f"the field {field.name!r} is not an object")
    _known_keys(change, {"personal"})
    personal = _personal(change, field.personal)
    if personal < field.personal:
        raise Rejected(f"it would weaken the field {field.name!r} from {field.personal.name.lower()} to"
                       f" {personal.name.lower()}")
    return replace(field, personal=personal)


def _added(name: str, entry: Mapping[str, Any]) -> EventSpec:
    _known_keys(entry, {"enabled", "sample", "window", "valid_until", "fields", "owner", "about"})
    fields = tuple(_new_field(key, value) for key, value in _mapping(entry, "fields").items())
    owner, about = entry.get("owner", ""), entry.get("about", "")
    if not isinstance(owner, str) or not isinstance(about, str):
        raise Rejected("owner and about are texts")
    return _checked(EventSpec(
        name=name, fields=fields, owner=owner, about=about, sample=_number(entry, "sample", 1.0),
        window=_number(entry, "window", 0.0), valid_until=_day(entry),
    ))


def _new_field(name: str, entry: Any) -> Field:
    if not isinstance(entry, Mapping):
        raise Rejected(f"the field {name!r} is not an object")
    _known_keys(entry, {"type", "personal", "required", "choices", "longest"})
    choices = entry.get("choices", [])
    longest = entry.get("longest", 200)
    if not isinstance(choices, (list, tuple)) or not all(isinstance(each, str) for each in choices):
        raise Rejected(f"the field {name!r}: choices is not a list of texts")
    if type(longest) is not int:
        raise Rejected(f"the field {name!r}: longest is not a whole number")
    try:
        kind = FieldType(entry.get("type", "text"))
    except ValueError:
        raise Rejected(f"the field {name!r}: there is no type {entry.get('type')!r}") from None
    return Field(name=name, type=kind, personal=_personal(entry, PersonalData.PERSONAL),
                 required=entry.get("required") is True, choices=tuple(choices), longest=longest)


def _checked(spec: EventSpec) -> EventSpec:
    fault = fault_of(spec)
    if fault:
        raise Rejected(fault)
    return spec


def _known_keys(entry: Mapping[str, Any], known: set[str]) -> None:
    """An unknown key may mean a protection that this version does not know: the entry is refused."""
    strange = sorted(map(str, entry.keys() - known))
    if strange:
        raise Rejected(f"{strange[0]!r} cannot be set; known are {', '.join(sorted(known))}")


def _mapping(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key, {})
    if not isinstance(value, Mapping) or len(value) > _MOST_FIELDS:
        raise Rejected(f"{key!r} is not an object of at most {_MOST_FIELDS} entries")
    return value


def _number(entry: Mapping[str, Any], key: str, default: float) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Rejected(f"{key!r} is not a number")
    return float(value) if abs(value) < 1e15 else 1e15


def _personal(entry: Mapping[str, Any], default: PersonalData) -> PersonalData:
    word = entry.get("personal", default.name.lower())
    try:
        return PersonalData[str(word).upper()]
    except KeyError:
        raise Rejected(f"there is no class of personal data {word!r}") from None


def _day(entry: Mapping[str, Any]) -> date | None:
    text = entry.get("valid_until")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise Rejected(f"valid_until is a day such as '2027-12-31', not {text!r}") from None


def as_json(spec: EventSpec) -> dict[str, Any]:
    """One row, as a server's document has it."""
    return {
        "owner": spec.owner, "about": spec.about, "sample": spec.sample, "window": spec.window,
        "valid_until": spec.valid_until.isoformat() if spec.valid_until else None,
        "fields": {field.name: {
            "type": field.type.value, "personal": field.personal.name.lower(), "required": field.required,
            "choices": list(field.choices), "longest": field.longest,
        } for field in spec.fields},
    }


def today(now_us: int) -> date:
    """The day in UTC; a clock that is out of bounds is taken to be at the bound."""
    return datetime.fromtimestamp(min(max(now_us // 1_000_000, 0), 253_402_300_799), UTC).date()
