"""What a composition may set for the logs."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("debug", "info", "warning", "error", "critical", "off")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the logs."""

    level: str = "info"
    """How much modules tell that nobody set otherwise: debug, info, warning, error, critical or off."""

    ring_kb: int = 4096
    """Room for records that are not in a file yet, in KiB: what survives the death of the process."""

    file_mb: int = 5
    """A log file is closed at this size in MiB, and every day."""

    total_mb: int = 50
    """The oldest files are deleted when all together are larger than this, in MiB."""

    days: int = 14
    """Files are deleted when their newest line is older than this."""

    public_key: str = ""
    """Seal the files to this public key (as `tulou logs open` names it, base64); empty: plain files."""

    flush_ms: int = 50
    """How long records may wait for others, in milliseconds, before they are written to the file."""

    crash_dump: bool = True
    """Let the interpreter note where each thread was when it is killed by a fault of its own."""

    def __post_init__(self) -> None:
        faults = [
            f"log: {name} = {getattr(self, name)} must be at least {least}"
            for name, least in (("ring_kb", 64), ("file_mb", 1), ("total_mb", 1), ("days", 1),
                                ("flush_ms", 1))
            if getattr(self, name) < least
        ]
        if self.level not in LEVELS:
            faults.append(f"log: level = {self.level!r} must be one of {', '.join(LEVELS)}")
        if faults:
            raise ValueError(*faults)
