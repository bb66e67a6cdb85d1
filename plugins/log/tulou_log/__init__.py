"""Tulou's logs: levels, files, redaction, upload with consent."""

from tulou import Command, Level, Plugin
from tulou_contracts.company import Company
from tulou_contracts.crypto import PublicSeal
from tulou_contracts.identity import Identity
from tulou_contracts.logs import Logs
from tulou_contracts.ui import Notices

plugin = Plugin(
    name="log",
    version="0.1.0",
    summary="log files that lose nothing, levels at run time, redaction, upload with consent",
    level=Level.BASE,
    provides=(Logs,),
    wants=(Company, Identity, Notices, PublicSeal),
    grants=("company.report",),
    config="tulou_log.config:Config",
    run="tulou_log.service:run",
    commands=(Command("logs", "read the logs, set levels, make a report", "tulou_log.command:main"),),
)
