"""The people at a customer's, and whom of them a role means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

ANY = "any"
"""The end of a fallback chain: whoever is there."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A person at the customer's, as simulations and scenarios know them."""

    key: str
    name: str
    first_name: str | None = None
    """As it was told; without it the first word of the name is taken."""
    email: str | None = None
    roles: tuple[str, ...] = ()
    zone: str | None = None
    locale: str | None = None
    do_not_contact: bool = False

    def words(self) -> dict[str, str | None]:
        """What texts say of them."""
        first_name = self.first_name or self.name.partition(" ")[0]
        return {"name": self.name, "first_name": first_name, "email": self.email}


class _Placed(Protocol):
    @property
    def roles(self) -> tuple[str, ...]: ...

    @property
    def email(self) -> str | None: ...


C = TypeVar("C", bound=_Placed)


def chosen(
    contacts: Sequence[C], role: str, mode: Literal["first", "exact", "all"], chains: Mapping[str, Sequence[str]]
) -> list[C]:
    """Whom a role means: one contact along the role's chain, of that role alone, or all who have it.

    `contacts` in the order of their keys: the first who fits is meant.
    """
    if mode == "all":
        return [one for one in contacts if role in one.roles]
    chain = chains.get(role, (role,)) if mode == "first" else (role,)
    for wanted in chain:
        fitting = [one for one in contacts if wanted == ANY or wanted in one.roles]
        if fitting:
            return fitting[:1]
    return []


def by_address(contacts: Iterable[C]) -> list[C]:
    """Those who have an address, each address once."""
    found: dict[str, C] = {}
    for one in contacts:
        if one.email:
            found.setdefault(one.email.casefold(), one)
    return list(found.values())


def holders(roles: Iterable[str]) -> tuple[Contact, ...]:
    """One contact with an address for each role."""
    return tuple(
        Contact(key=role, name=role.capitalize(), email=f"{role}@account.test", roles=(role,)) for role in roles
    )
