"""What a company tells its clients: signed documents, checked; and the way to its collectors."""

from tulou import Command, Level, Plugin
from tulou_contracts.company import Company, Flags
from tulou_contracts.crypto import SignedTexts
from tulou_contracts.identity import Identity
from tulou_contracts.network import HttpClient
from tulou_contracts.storage import Storage
from tulou_contracts.transport import Signalling

plugin = Plugin(
    name="company",
    version="0.1.0",
    summary="Signed documents of the company, checked and kept; the way to its collectors",
    level=Level.BASE,
    requires=(Storage, SignedTexts, HttpClient),
    wants=(Signalling, Identity),
    provides=(Company, Flags),
    grants=("signals.send",),
    config="tulou_company.config:Config",
    run="tulou_company.service:run",
    commands=(Command("company", "what the company's documents say, and why one was refused",
                      "tulou_company.command:main"),),
)
