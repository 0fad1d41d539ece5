"""Decodes the plan that a run carries as its argument; many runs share few plans."""

from functools import lru_cache

from engine.plan import Plan


@lru_cache(maxsize=256)
def decode_plan(data: bytes) -> Plan:
    """The plan of these JSON bytes. Plans are immutable, so runs may share one."""
    return Plan.model_validate_json(data)
