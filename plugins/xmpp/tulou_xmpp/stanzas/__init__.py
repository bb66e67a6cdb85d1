"""Between the contract's data classes and stanzas; pure functions, no state but the roster's."""
