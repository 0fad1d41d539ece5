"""The people on our side: who looks after which kind of customer, and who leads them."""

from random import Random

from engine.facts import PersonFact


def _person(key: str, name: str, role: str, manager: str | None = None) -> PersonFact:
    return PersonFact(key=key, name=name, email=f"{key}@tidewright.example", role=role, manager=manager)


COLLEAGUES = (
    _person("helena.strand", "Helena Strand", "vp"),
    _person("david.okoro", "David Okoro", "manager", "helena.strand"),
    _person("lena.fischer", "Lena Fischer", "manager", "helena.strand"),
    _person("kim.larsen", "Kim Larsen", "csm", "david.okoro"),
    _person("amir.haddad", "Amir Haddad", "csm", "david.okoro"),
    _person("joan.pryce", "Joan Pryce", "csm", "david.okoro"),
    _person("paula.reis", "Paula Reis", "csm", "lena.fischer"),
    _person("sven.aalto", "Sven Aalto", "csm", "lena.fischer"),
    _person("mina.kovac", "Mina Kovac", "csm", "lena.fischer"),
    _person("tom.becket", "Tom Becket", "csm", "lena.fischer"),
    _person("robin.vale", "Robin Vale", "csm", "david.okoro"),
)

_POOLED = "robin.vale"
"""One person answers for all self-serve accounts."""

_BY_SEGMENT = {
    "enterprise": ("kim.larsen", "amir.haddad", "paula.reis", "sven.aalto"),
    "mid-market": ("joan.pryce", "mina.kovac", "tom.becket", "sven.aalto"),
}


def csm_of(segment: str, dice: Random) -> str:
    return dice.choice(_BY_SEGMENT[segment]) if segment in _BY_SEGMENT else _POOLED
