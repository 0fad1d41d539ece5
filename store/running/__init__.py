"""Runs under way as rows: how they start, what they wait for, what they must be told, how they end."""
