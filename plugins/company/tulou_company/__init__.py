"""What a company tells its clients: signed documents, checked; and the way to its collectors."""

from tulou import Level, Plugin

plugin = Plugin(
    name="company",
    version="0.1.0",
    summary="Signed documents of the company, checked and kept; the way to its collectors",
    level=Level.BASE,
    run="tulou_company.service:run",
)
