"""The vocabulary that rooms speak to each other in: Protocols, data classes, events, hooks.

No logic and no third-party import live here; `tulou_contracts.testing` holds the conformance suites.
"""
