"""Conformance suites of the contracts, and fakes that pass them. Needs the extra `tulou[testing]`."""
