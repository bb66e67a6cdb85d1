"""What a composition may set for tracking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tulou_contracts.tracking import Consent


class Form(Enum):
    """How reports are written."""

    LINES = "lines"
    OTLP = "otlp"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of tracking."""

    consent: Consent = Consent.OFF
    """What holds until a person has chosen: off, anonymous or full."""

    do_not_track: bool = False
    """Track nothing, whatever anybody chose; also when the environment says DO_NOT_TRACK=1 or DNT=1."""

    ask: bool = True
    """Ask the person by a notice, once, while nothing is chosen and reports have somewhere to go."""

    starts: bool = True
    """Count the app's own start as ``app.started``; the commands, which start a part of it, do not."""

    endpoint: str = ""
    """Where reports are posted, http(s)://...; empty: the company service's collector ``events``."""

    form: Form = Form.LINES
    """``lines``: JSON lines; ``otlp``: OpenTelemetry logs (needs `endpoint` and the extra ``otlp``)."""

    development: bool = False
    """Raise what the table refuses, instead of counting it; also with ``python -X dev``."""

    flush: float = 0.25
    """Seconds after which an event is on the disk, at the latest; what a crash may lose."""

    buffer: int = 20_000
    """Most events that wait for the disk in memory; beyond it the oldest are dropped."""

    queue: int = 50_000
    """Most events that wait to be reported; beyond it the oldest are dropped."""

    queue_kb: int = 16_384
    """Most KiB of events that wait to be reported; beyond it the oldest are dropped."""

    longest_kb: int = 16
    """Largest event in KiB; a larger one is dropped."""

    batch: int = 500
    """Events that are reported together."""

    batch_kb: int = 128
    """KiB that are reported together, before compression."""

    batch_age: float = 300.0
    """Seconds that the oldest event waits for a batch to fill."""

    retry_cap: float = 900.0
    """Longest pause between two attempts, in seconds; a server's Retry-After may say more."""

    timeout: float = 30.0
    """Seconds for one report."""

    metered_kb: int = 256
    """KiB a day that leave over a metered network; 0: none."""

    pseudonym_days: int = 7
    """Days after which the anonymous pseudonym is another one."""

    def __post_init__(self) -> None:
        least = {"flush": 0.0, "buffer": 1, "queue": 1, "queue_kb": 1, "longest_kb": 1, "batch": 1,
                 "batch_kb": 1, "batch_age": 0.0, "retry_cap": 0.0, "timeout": 0.001, "metered_kb": 0,
                 "pseudonym_days": 1}
        faults = [f"tracking: {name} = {getattr(self, name)} must be at least {value:g}"
                  for name, value in least.items() if not getattr(self, name) >= value]
        if self.endpoint and not self.endpoint.startswith(("https://", "http://")):
            faults.append(f"tracking: endpoint = {self.endpoint!r} must begin with https:// or http://")
        if self.form is Form.OTLP and not self.endpoint:
            faults.append("tracking: form = 'otlp' needs an endpoint, e.g. https://collector/v1/logs")
        if faults:
            raise ValueError(*faults)
