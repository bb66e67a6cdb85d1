"""What holds now: consent, the epoch it belongs to, the table, and who the person is."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tulou_contracts.tracking import Consent, EventSpec
from tulou_tracking.config import Config
from tulou_tracking.person import Person, turn
from tulou_tracking.rows import Row
from tulou_tracking.table import Override, collected

WITNESS = "consent"
"""The file in the plugin's folder without which no yes holds."""


class Standing:
    """One profile's. `consent` is what holds: off when the system asks not to track."""

    def __init__(self, config: Config, folder: Path, log: logging.Logger, user: Callable[[], str]) -> None:
        self.config = config
        self.chosen: Consent | None = None
        self.do_not_track = config.do_not_track or _asked_not_to_track(os.environ)
        self.epoch = 0
        self.rows: dict[str, Row] = {}
        self.problems: list[str] = []
        self.user = user
        self._witness = folder / WITNESS
        self._log = log
        self._turn = -1
        self._told: set[str] = set()
        self.person = Person(b"?", b"?")

    # -- consent --

    @property
    def consent(self) -> Consent:
        """What holds now."""
        if self.do_not_track:
            return Consent.OFF
        return self.config.consent if self.chosen is None else self.chosen

    def load(self, state: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        """Take what the disk has; what is to be noted there, and whether less holds than before."""
        self.epoch = _number(state.get("epoch"))
        with suppress(ValueError):
            self.chosen = Consent(state["consent"]) if "consent" in state else None
        yes = self.chosen is not Consent.OFF and (self.chosen is not None or "witnessed" in state)
        if yes and not self._witness.exists():
            self.chosen = Consent.OFF  # it was withdrawn, and the disk could not keep that
        sampling = _secret(state.get("sampling"))
        self._turn = _number(state.get("turn"), -1)
        self.person = Person(sampling, _secret(state.get("rotating")))
        before = state.get("holding", Consent.OFF.value)
        less = before != self.consent.value and before != Consent.OFF.value and not (
            before == Consent.ANONYMOUS.value and self.consent is Consent.FULL)
        if less:
            self.epoch += 1
        if self.consent is not Consent.OFF and not self._witness.exists():
            self.witness(self.consent)  # the composition's default is a yes that can be lost too
        return self.noted() | {"sampling": sampling.hex()}, less

    def noted(self) -> dict[str, str]:
        """What the disk has to know of the consent."""
        state = {"epoch": str(self.epoch), "holding": self.consent.value}
        if self.consent is not Consent.OFF and self._witness.exists():
            state["witnessed"] = "1"  # from now on, its loss means no
        return state | ({"consent": self.chosen.value} if self.chosen is not None else {})

    def witness(self, consent: Consent) -> None:
        """A file that says 'yes'. A full disk cannot take a 'no' down, but it can lose a 'yes'."""
        try:
            if consent is Consent.OFF:
                self._witness.unlink(missing_ok=True)
            else:
                self._witness.write_text(consent.value, encoding="ascii")
        except OSError as error:
            self._log.warning("%s cannot be changed: %s", self._witness, error.strerror)

    def rotation(self, now: int) -> dict[str, str]:
        """A new pseudonym when it is time, and what the disk has to know of it; else nothing."""
        current = turn(now, self.config.pseudonym_days)
        if current == self._turn:
            return {}
        self._turn = current
        key = secrets.token_bytes(32)
        self.person.rotate(key)
        return {"turn": str(current), "rotating": key.hex()}

    # -- the table --

    def rebuild(
        self, contributions: Sequence[tuple[str, Any]], override: Override, faults: Sequence[str]
    ) -> None:
        """Make the table anew; what is wrong with it is told once."""
        declared, problems = collected(contributions)
        table, disabled, more = override.over(declared)
        user = self.user()
        self.rows = {name: self._row(spec, name in disabled, user) for name, spec in sorted(table.items())}
        self.problems = [*faults, *problems, *more]
        for problem in self.problems:
            if problem not in self._told and len(self._told) < 1000:
                self._told.add(problem)
                self._log.warning("%s", problem)

    def _row(self, spec: EventSpec, disabled: bool, user: str) -> Row:
        if disabled:
            drop = "disabled"
        else:
            drop = "" if self.person.sampled(user, spec.name, spec.sample) else "sampled"
        return Row(spec, until=_end_of(spec), drop=drop)


def _end_of(spec: EventSpec) -> int:
    """The last microsecond of a row's last day."""
    if spec.valid_until is None or spec.valid_until.year >= 9999:
        return 2**63
    midnight = datetime.combine(spec.valid_until + timedelta(days=1), time(), UTC)
    return round(midnight.timestamp() * 1e6) - 1


def _asked_not_to_track(environment: Mapping[str, str]) -> bool:
    """The console's convention, and the older one after the HTTP header."""
    return any(environment.get(name, "0") not in ("", "0", "false") for name in ("DO_NOT_TRACK", "DNT"))


def _number(text: str | None, default: int = 0) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default


def _secret(text: str | None) -> bytes:
    """The kept key; a fresh one when there is none, or none that can be read."""
    with suppress(ValueError):
        kept = bytes.fromhex(text or "")
        if len(kept) == 32:
            return kept
    return secrets.token_bytes(32)
