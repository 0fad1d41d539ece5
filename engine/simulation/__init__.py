"""Playbooks in memory, for one account, in virtual time. `acts` and `starting` are where new kinds are added."""

from engine.simulation.account import Account
from engine.simulation.happening import Happening
from engine.simulation.people import People
from engine.simulation.run import SimulatedRun
from engine.simulation.simulation import Circle, Simulation

__all__ = ["Account", "Circle", "Happening", "People", "SimulatedRun", "Simulation"]
