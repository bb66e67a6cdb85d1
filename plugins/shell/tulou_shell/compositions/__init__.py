"""Compositions that this distribution ships, as data."""
