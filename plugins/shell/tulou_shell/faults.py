"""What went wrong, as the code and sentence that a page gets. One table."""

from __future__ import annotations

import logging

from tulou.errors import NotGranted, ServiceGone, TulouError
from tulou.flow import leaves
from tulou_contracts.crypto import CryptoError
from tulou_contracts.identity import (
    AccountTaken,
    AddressInvalid,
    RegistrationRefused,
    ServerUnavailable,
    WrongPassword,
)
from tulou_contracts.messaging import MessageInvalid, MessagePrevented
from tulou_contracts.routing import (
    AddressWrong,
    ParameterWrong,
    RouteForbidden,
    RouteLoops,
    RouteNotFound,
    RouteUnavailable,
)
from tulou_contracts.storage import StorageError, StorageFull
from tulou_contracts.transport import NotConnected, Refused
from tulou_contracts.ui import WordedError
from tulou_shell.protocol import Fault

CODES: tuple[tuple[type[Exception], str], ...] = (
    (WrongPassword, "wrong-password"),
    (AddressInvalid, "address-invalid"),
    (AccountTaken, "account-taken"),
    (RegistrationRefused, "registration-refused"),
    (ServerUnavailable, "server-unavailable"),
    (MessageInvalid, "message-invalid"),
    (MessagePrevented, "message-prevented"),
    (NotConnected, "not-connected"),
    (Refused, "refused"),
    (StorageFull, "storage-full"),
    (StorageError, "storage-failed"),
    (CryptoError, "secrets-failed"),
    (AddressWrong, "no-route"),
    (RouteNotFound, "no-route"),
    (ParameterWrong, "parameter-wrong"),
    (RouteForbidden, "forbidden"),
    (RouteUnavailable, "unavailable"),
    (RouteLoops, "route-loops"),
    (ServiceGone, "missing"),
    (NotGranted, "not-granted"),
    (TulouError, "failed"),
)
"""The first type that fits decides, so special ones stand before general ones."""


def log_of(name: str) -> logging.Logger:
    """The log of the plugin that contributes PLUGIN.WORD: what fails there is that plugin's to mend."""
    return logging.getLogger(f"tulou.plugin.{name.partition('.')[0]}")


INTERNAL = Fault("internal", "Something went wrong inside Tulou; its log says what.")


def fault_of(error: Exception) -> Fault:
    """The answer for an exception; a kind that nobody foresaw shows none of its text."""
    if isinstance(error, ExceptionGroup):
        error = next((each for each in leaves(error) if isinstance(each, Exception)), error)
    if isinstance(error, Fault):
        return error
    for kind, code in CODES:
        if isinstance(error, kind):
            fault = Fault(code, str(error))
            if isinstance(error, WordedError):
                fault.key, fault.values = error.key, error.values
            return fault
    return INTERNAL
