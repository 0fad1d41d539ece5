"""DECIDES: pure functions and values; no clock, network, files, SQL or Temporal."""
