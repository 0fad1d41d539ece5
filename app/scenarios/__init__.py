"""Runs the scenarios that stand beside playbooks, and shows what came of them."""
