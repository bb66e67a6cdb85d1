"""Tulou's event tracking: a table, a durable queue, reports with consent."""

from tulou import Level, Plugin

plugin = Plugin(
    name="tracking",
    version="0.1.0",
    summary="Events by a table, kept until reported, and only with consent",
    level=Level.BASE,
    run="tulou_tracking.service:run",
)
