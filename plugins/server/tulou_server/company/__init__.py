"""The company service: signed documents for every client, and collectors for what they report."""

from __future__ import annotations

from tulou import Command, Level, Plugin
from tulou_contracts.company import CompanyService
from tulou_contracts.crypto import Keyring, Signatures, SignedTexts
from tulou_contracts.network import HttpHost
from tulou_contracts.server import SignalHost
from tulou_contracts.storage import Storage

plugin = Plugin(
    name="company-service",
    summary="Signs and serves what the company tells its clients, and collects what they report",
    level=Level.CORE,
    requires=(Storage, Keyring, Signatures, SignedTexts, HttpHost),
    wants=(SignalHost,),
    provides=(CompanyService,),
    config="tulou_server.company.config:Config",
    run="tulou_server.company.service:run",
    commands=(Command(
        "company-service", "publish and list the company's documents, see what was collected",
        "tulou_server.company.command:main",
    ),),
    version="0.1.0",
)
