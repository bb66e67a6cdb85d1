"""The compositions this distribution ships: NAME.toml for each entry point of that name."""
