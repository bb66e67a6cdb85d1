"""Tulou's logs: levels, files, redaction, upload with consent."""

from tulou import Level, Plugin

plugin = Plugin(
    name="log",
    version="0.1.0",
    summary="Log files that lose nothing, levels at run time, redaction, upload with consent",
    level=Level.BASE,
    run="tulou_log.service:run",
)
