"""Parameters: texts of an address read as what a route declares. Pure, no I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tulou_contracts.routing import Parameter, ParameterType, ParameterWrong, Route

MOST_EXACT = 1 << 53
"""Whole numbers up to here are the same in Python and in a page."""

_INTEGER = re.compile(r"-?[0-9]{1,16}\Z")
_NUMBER = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,16})?\Z")
_ADDRESS = re.compile(r"[^\s\"&'/:<>@]{1,255}@[^\s\"&'/:<>@,;%()\[\]\\]{1,255}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def checked(route: Route, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a route from the texts in an address. Raises `ParameterWrong`."""
    values: dict[str, Any] = {}
    for name, parameter in route.parameters.items():
        text = given.get(name)
        if text is not None:
            values[name] = read(route.name, name, parameter, text)
        elif parameter.default is not None:
            values[name] = parameter.default
        elif not parameter.optional:
            raise ParameterWrong(f"The route {route.name} needs the parameter {name!r}.")
    for name in given:
        if name not in route.parameters:
            if not route.any_parameters:
                raise ParameterWrong(f"The route {route.name} has no parameter {name!r}.")
            values[name] = read(route.name, name, _ANY, given[name])
    return values


def read(route: str, name: str, parameter: Parameter, text: str) -> Any:
    """One value from its text. Raises `ParameterWrong`."""
    value = _READERS[parameter.type](parameter, text)
    if value is None:
        raise ParameterWrong(f"The parameter {name!r} of the route {route} must be {wanted(parameter)}.")
    return value


def written(route: Route, name: str, value: Any) -> str:
    """The text of one value. Raises `ParameterWrong` for one that would not be read again."""
    parameter = route.parameters.get(name, _ANY)
    if name not in route.parameters and not route.any_parameters:
        raise ParameterWrong(f"The route {route.name} has no parameter {name!r}.")
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = str(value)
    read(route.name, name, parameter, text)
    return text


def wanted(parameter: Parameter) -> str:
    """What a parameter must be, in words."""
    kind = parameter.type
    if kind is ParameterType.TEXT:
        return f"a text of at most {parameter.longest} characters"
    if kind is ParameterType.CHOICE:
        return f"one of {', '.join(parameter.choices)}"
    if kind is ParameterType.FLAG:
        return "true or false"
    if kind is ParameterType.ADDRESS:
        return "an address of the form name@domain"
    least = "" if parameter.least is None else f", at least {parameter.least:g}"
    most = "" if parameter.most is None else f", at most {parameter.most:g}"
    return ("a whole number" if kind is ParameterType.INTEGER else "a number") + least + most


def fault_of(parameter: Parameter) -> str:
    """What is wrong with a declaration, '' when it is in order."""
    if not isinstance(parameter, Parameter) or not isinstance(parameter.type, ParameterType):
        return "is no Parameter of a known type"
    if parameter.type is ParameterType.CHOICE and not parameter.choices:
        return "has no choices"
    if parameter.default is not None:
        default = str(parameter.default)
        text = default.lower() if parameter.type is ParameterType.FLAG else default
        value = _READERS[parameter.type](parameter, text)
        if value is None or type(value) is not type(parameter.default) and not isinstance(value, float):
            return f"has the default {parameter.default!r}, which is not {wanted(parameter)}"
    return ""


def _text(parameter: Parameter, text: str) -> str | None:
    return text if len(text) <= parameter.longest and not _CONTROL.search(text) else None


def _integer(parameter: Parameter, text: str) -> int | None:
    value = int(text) if _INTEGER.match(text) else None
    return value if value is not None and abs(value) <= MOST_EXACT and _within(parameter, value) else None


def _number(parameter: Parameter, text: str) -> float | None:
    value = float(text) if _NUMBER.match(text) else math.nan
    return value if math.isfinite(value) and _within(parameter, value) else None


def _within(parameter: Parameter, value: float) -> bool:
    return not (parameter.least is not None and value < parameter.least
                or parameter.most is not None and value > parameter.most)


def _flag(parameter: Parameter, text: str) -> bool | None:
    return _FLAGS.get(text)


def _choice(parameter: Parameter, text: str) -> str | None:
    return text if text in parameter.choices else None


def _address(parameter: Parameter, text: str) -> str | None:
    return text if _ADDRESS.match(text) and not _CONTROL.search(text) else None


_READERS: dict[ParameterType, Callable[[Parameter, str], Any]] = {
    ParameterType.TEXT: _text, ParameterType.INTEGER: _integer, ParameterType.NUMBER: _number,
    ParameterType.FLAG: _flag, ParameterType.CHOICE: _choice, ParameterType.ADDRESS: _address,
}
_ANY = Parameter(longest=2048)
