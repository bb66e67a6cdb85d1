"""X.509 on asn1crypto (structures) and the chosen provider (signatures)."""
