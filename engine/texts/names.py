"""The names a template may use, beside the fields of the catalogue: people by role, the recipient, the sender."""

from collections.abc import Iterable

PERSON = ("name", "first_name", "email")

ALWAYS = (
    *(f"recipient.{part}" for part in PERSON),
    *(f"sender.{part}" for part in PERSON),
    "workspace.name",
)
"""Known for every mail. In titles of tasks nobody is mailed: there `recipient` is unknown and needs a fallback."""


def known_names(
    fields: Iterable[str], contact_roles: Iterable[str] = (), staff_roles: Iterable[str] = ()
) -> tuple[str, ...]:
    """All names, sorted: `account.name`, `contact.champion.first_name`, `csm.manager.name`, `recipient.email`, …"""
    contacts = (f"contact.{role}.{part}" for role in contact_roles for part in PERSON)
    staff = (f"{role}.{part}" for role in staff_roles for part in PERSON)
    return tuple(sorted({*fields, *contacts, *staff, *ALWAYS}))
