"""Reads what a user wrote in YAML, with the place of every word."""
