"""Scenarios: unit tests of a playbook. Given facts on days and what people do, expect these acts on these days."""
