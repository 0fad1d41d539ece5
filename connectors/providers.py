"""What the families' registries share: how a provider is opened by its name, and what to say of an unknown one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.problems import did_you_mean
from engine.values import Value

N = TypeVar("N")
P = TypeVar("P")


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[N, P]):
    """A provider's settings, and how to open it with them and with what the application gives."""

    settings: type[Value]
    open: Callable[[Any, N], P]


class UnknownProvider(LookupError):
    """No provider has this name; the message lists those there are."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f'there is no {what} "{name}" ({did_you_mean(name, list(known))})')


def open_provider(
    what: str, providers: Mapping[str, Provider[N, P]], name: str, settings: Mapping[str, Any], needs: N
) -> P:
    """By name; raises UnknownProvider, or pydantic's ValidationError for its settings. `what` is the family's word."""
    provider = providers.get(name)
    if provider is None:
        raise UnknownProvider(what, name, providers)
    return provider.open(provider.settings.model_validate(dict(settings)), needs)
