"""Events as OpenTelemetry log records with an event name (OTLP 1.x, logs), by its own encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_RESOURCE = {"app": "service.version", "session": "session.id", "user": "user.id", "device": "tulou.device",
             "system": "os.name"}
"""Our common fields -> names of OpenTelemetry's semantic conventions."""


def encoded(bodies: Sequence[str], sent_at: int) -> bytes:
    """An ExportLogsServiceRequest: one record an event, its id and fields as attributes."""
    resource = Resource({"service.name": "tulou"})
    scope = InstrumentationScope("tulou-tracking")
    request: bytes = encode_logs([
        ReadableLogRecord(_record(json.loads(body), sent_at), resource=resource, instrumentation_scope=scope)
        for body in bodies
    ]).SerializeToString()
    return request


def _record(event: dict[str, Any], sent_at: int) -> LogRecord:
    attributes: dict[str, Any] = {"event.id": event["id"]}
    attributes |= {_RESOURCE.get(name, name): value for name, value in event["fields"].items()}
    return LogRecord(
        timestamp=event["at"] * 1000, observed_timestamp=sent_at * 1000, event_name=event["name"],
        severity_number=SeverityNumber.INFO, body=None, attributes=attributes,
    )
