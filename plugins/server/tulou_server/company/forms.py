"""What the kinds that Tulou's own rooms read must look like. Pure.

A client that cannot use a document keeps the one before and says so only to its person; here the
administrator hears of it before it is signed. The rooms decide in the end: whether a route or an event
is there depends on what each client has installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tulou_contracts.company import DocumentRefused
from tulou_contracts.logs import Verbosity
from tulou_contracts.tracking import FieldType, PersonalData

MOST_ROUTES, MOST_EVENTS, MOST_LEVELS, MOST_FIELDS = 1000, 2000, 500, 50
"""What the clients' rooms take of each."""
_SEGMENT = re.compile(r"(\w[\w.~-]{0,63}|\{[A-Za-z][A-Za-z0-9_-]{0,39}\})\Z")
_TARGET = re.compile(r"[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9_./-]{0,99}\Z")
_GUARD = re.compile(r"[a-z][\w-]{0,39}(:[\w.-]{1,100})?\Z", re.ASCII)
_EVENT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z][a-z0-9]*(-[a-z0-9]+)*)+\Z")
_MODULE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})?\Z")
_ROUTE_KEYS = {"path", "to", "parameters", "exported", "guards", "title"}
_EVENT_KEYS = {"enabled", "sample", "window", "valid_until", "fields", "owner", "about"}
_FIELD_KEYS = {"type", "personal", "required", "choices", "longest"}


def check_form(kind: str, content: Any) -> None:
    """Raises `DocumentRefused` for what no client could use; a kind that is not known may be anything."""
    check = _FORMS.get(kind)
    if check is not None and isinstance(content, Mapping):  # that it is one is said elsewhere
        fault = check(content)
        if fault:
            raise DocumentRefused(
                f"no client could use these {kind}: {fault}. Nothing is issued; --force issues it all the"
                " same", kind)


def _routes(content: Mapping[str, Any]) -> str:
    if set(content) == {"back_to"}:
        version = content["back_to"]
        return "" if type(version) is int and version > 0 else "'back_to' is a version, a number from 1"
    routes = content.get("routes")
    if set(content) != {"routes"} or not isinstance(routes, list) or len(routes) > MOST_ROUTES:
        return f"the document is {{\"routes\": [...]}}, a list of at most {MOST_ROUTES:,}"
    shapes: dict[tuple[str, ...], int] = {}
    for number, each in enumerate(routes, 1):
        fault = _route(each)
        if fault:
            return f"route {number} {fault}"
        shape = tuple("{}" if part.startswith("{") else part for part in each["path"].split("/"))
        if shapes.setdefault(shape, number) != number:
            return f"the routes {shapes[shape]} and {number} have the same address"
    return ""


def _route(route: Any) -> str:
    if not isinstance(route, Mapping) or not set(route) <= _ROUTE_KEYS:
        return f"is no object of {', '.join(sorted(_ROUTE_KEYS))}"
    path, to = route.get("path"), route.get("to")
    parts = path.split("/") if isinstance(path, str) and len(path) <= 512 else []
    named = [each for each in parts if each.startswith("{")]
    good = 0 < len(parts) <= 16 and all(map(_SEGMENT.match, parts)) and len(set(named)) == len(named)
    if not good or parts[0] in named:
        return "has a wrong 'path'; one looks like 'help/{topic}'"
    if not isinstance(to, str) or not _TARGET.match(to):
        return "names no route in 'to', such as 'help.page'"
    given, guards = route.get("parameters", {}), route.get("guards", [])
    if not isinstance(given, Mapping) or len(given) > 32 or not all(
            isinstance(each, str) and len(each) <= 1024 for each in given.values()):
        return "has 'parameters' that are not at most 32 names and texts"
    if not isinstance(guards, list) or len(guards) > 8 or not all(
            isinstance(each, str) and _GUARD.match(each) for each in guards):
        return "has 'guards' that are not at most 8 names"
    title = route.get("title", "")
    if not isinstance(route.get("exported", False), bool) or not isinstance(title, str) or len(title) > 200:
        return "has an 'exported' that is not true or false, or a 'title' that is no short text"
    return ""


def _events(content: Mapping[str, Any]) -> str:
    events = content.get("events")
    if not isinstance(events, Mapping) or len(events) > MOST_EVENTS:
        return f"it needs 'events', an object of at most {MOST_EVENTS:,} entries"
    for name, entry in events.items():
        fault = _event(name, entry)
        if fault:
            return f"the event {name[:100]!r} {fault}"
    return ""


def _event(name: str, entry: Any) -> str:
    if len(name) > 100 or not _EVENT.match(name):
        return "has a name that is not of the form 'owner.what-happened'"
    if not isinstance(entry, Mapping) or not set(entry) <= _EVENT_KEYS:
        return f"is no object of {', '.join(sorted(_EVENT_KEYS))}"
    if not isinstance(entry.get("enabled", True), bool):
        return "has an 'enabled' that is not true or false"
    for key, most in (("sample", 1), ("window", 86_400)):
        if not _is_number(entry.get(key, 0)) or not 0 <= entry.get(key, 0) <= most:
            return f"has a '{key}' that is no number from 0 to {most}"
    if not all(isinstance(entry.get(key, ""), str) for key in ("owner", "about")):
        return "has an 'owner' or 'about' that is no text"
    if not _is_day(entry.get("valid_until")):
        return "has a 'valid_until' that is no day such as '2027-12-31'"
    fields = entry.get("fields", {})
    if not isinstance(fields, Mapping) or len(fields) > MOST_FIELDS:
        return f"has 'fields' that are no object of at most {MOST_FIELDS} entries"
    return next((f"has a field {key[:100]!r} {fault}" for key, value in fields.items()
                 if (fault := _field(value))), "")


def _field(field: Any) -> str:
    if field is None:  # taken away
        return ""
    if not isinstance(field, Mapping) or not set(field) <= _FIELD_KEYS:
        return f"that is neither null nor an object of {', '.join(sorted(_FIELD_KEYS))}"
    choices, longest = field.get("choices", []), field.get("longest", 200)
    if not isinstance(choices, list) or not all(isinstance(each, str) for each in choices):
        return "whose 'choices' are no list of texts"
    if type(longest) is not int or not 1 <= longest <= 10_000:
        return "whose 'longest' is no number from 1 to 10000"
    if field.get("type", "text") not in [each.value for each in FieldType]:
        return f"of no known type; those are {', '.join(each.value for each in FieldType)}"
    if str(field.get("personal", "none")).upper() not in PersonalData.__members__:
        return f"whose 'personal' is none of {', '.join(each.name.lower() for each in PersonalData)}"
    return ""


def _configuration(content: Mapping[str, Any]) -> str:
    flags = content.get("flags", {})
    if not isinstance(flags, Mapping):
        return "'flags' is no object of names and values"
    wrong = [name for name, each in flags.items() if not isinstance(each, (bool, int, float, str))]
    return f"the flag {wrong[0][:100]!r} is no true, false, number or text" if wrong else ""


def _logging(content: Mapping[str, Any]) -> str:
    levels, known = content.get("levels", {}), [each.name.lower() for each in Verbosity]
    if not isinstance(levels, Mapping) or len(levels) > MOST_LEVELS:
        return f"'levels' is no object of at most {MOST_LEVELS} names, such as {{\"im\": \"debug\"}}"
    for name, level in levels.items():
        if not _MODULE.match(name):
            return f"{name[:100]!r} is no module's name"
        if not isinstance(level, str) or level.lower() not in known:
            return f"the level of {name!r} is none of {', '.join(known)}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_day(text: Any) -> bool:
    try:
        return text is None or bool(date.fromisoformat(text))
    except (TypeError, ValueError):
        return False


_FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "routes": _routes, "events": _events, "configuration": _configuration, "logging": _logging,
}
"""`policy` is not among them: it is whatever a company and its plugins agree on."""
