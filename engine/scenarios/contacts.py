"""The people at a scenario's account, day by day: who is there, who leaves, who follows."""

from collections.abc import Mapping
from dataclasses import replace

from engine.contacts import Contact
from engine.scenarios.document import ContactDocument, SaidOfContact, ScenarioDocument


def contacts_by_day(scenario: ScenarioDocument) -> Mapping[int, tuple[Contact, ...]]:
    """By day, the contacts who are new or changed as it begins; day 0 has those whom the scenario begins with."""
    hall = _Hall()
    told = {0: hall.hear(scenario.contacts)}
    for day in sorted(scenario.contact_changes, key=int):
        told[int(day)] = (*told.get(int(day), ()), *hall.hear(scenario.contact_changes[day]))
    return told


class _Hall:
    """Who holds which role."""

    def __init__(self) -> None:
        self._holders: dict[str, Contact] = {}
        self._had: dict[str, int] = {}

    def hear(self, said: Mapping[str, SaidOfContact]) -> tuple[Contact, ...]:
        found = (self._one(role, what) for role, what in said.items())
        return tuple(one for one in found if one is not None)

    def _one(self, role: str, said: SaidOfContact) -> Contact | None:
        """The contact who is new or changed by a word on a role; None where it changes nothing."""
        holder = self._holders.get(role)
        if said is False:
            self._holders.pop(role, None)
            return replace(holder, roles=()) if holder else None
        if holder is not None and said is True:
            return None
        if holder is None:
            self._had[role] = self._had.get(role, 0) + 1
        key = holder.key if holder else _key(role, self._had[role])
        self._holders[role] = _contact(key, role, ContactDocument() if said is True else said)
        return self._holders[role]


def _key(role: str, n: int) -> str:
    """Who follows in a role is somebody else."""
    return role if n == 1 else f"{role}-{n}"


def _contact(key: str, role: str, said: ContactDocument) -> Contact:
    return Contact(
        key=key,
        name=f"Ann {key}",
        email=f"{key}@account.test" if said.email else None,
        roles=tuple(dict.fromkeys((role, *said.also))),
        zone=said.zone,
        locale=said.locale,
        do_not_contact=said.do_not_contact,
    )
