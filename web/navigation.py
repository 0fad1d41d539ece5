"""The main navigation: one table of groups and entries, in the order people meet them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page that the navigation leads to; `name` is what the page calls its section."""

    href: str
    name: str
    icon: str
    """A drawing of templates/icons.html."""


@dataclass(frozen=True, kw_only=True)
class Group:
    name: str
    entries: tuple[Entry, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        name="Book of business",
        entries=(
            Entry(href="/", name="Overview", icon="gauge"),
            Entry(href="/tasks", name="Tasks", icon="inbox"),
        ),
    ),
    Group(
        name="Studio",
        entries=(
            Entry(href="/runs", name="Runs", icon="play"),
            Entry(href="/mails", name="Mails", icon="mail"),
        ),
    ),
)
