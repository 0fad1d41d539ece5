"""API keys of programs: what each may do, kept by their hash."""

from dataclasses import dataclass
from typing import Literal, get_args

KeyScope = Literal["read", "facts:write", "tasks:write", "admin"]
KEY_SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A program that called the API with a key."""

    name: str
    scopes: frozenset[KeyScope]

    def may(self, scope: KeyScope) -> bool:
        """`admin` may everything."""
        return scope in self.scopes or "admin" in self.scopes


def bootstrap() -> Caller:
    """Who presents the token of the environment."""
    return Caller(name="TENURE_API_TOKEN", scopes=frozenset(KEY_SCOPES))
