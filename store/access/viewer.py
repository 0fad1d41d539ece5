"""Who looks at a page: the person, the role and the accounts that role may see."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from store.access.scope import Scope

Role = Literal["csm", "ops", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may what those before it may."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A person who is signed in."""

    person: str
    """person.key"""
    name: str
    role: Role
    scope: Scope
    """The accounts to show."""
    session_id: int
    csrf: str = field(repr=False)
    """What the session's forms carry."""
    covers: tuple[str, ...] = ()
    """person.key: for whom the viewer stands in at the moment."""

    def may(self, role: Role) -> bool:
        """Whether this role, or one above it, is the viewer's."""
        return ROLES.index(self.role) >= ROLES.index(role)
