"""The main navigation: one table of groups and entries, in the order people meet them."""

from dataclasses import dataclass, replace

from store.access.viewer import Role, Viewer


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page that the navigation leads to; `name` is what the page calls its section."""

    href: str
    name: str
    icon: str
    """A drawing of drawing/icons.py."""
    role: Role = "csm"
    """Who may open it, with those above."""


@dataclass(frozen=True, kw_only=True)
class Group:
    name: str
    entries: tuple[Entry, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        name="Book of business",
        entries=(
            Entry(href="/inbox", name="Inbox", icon="inbox"),
            Entry(href="/accounts", name="Accounts", icon="building"),
            Entry(href="/", name="Overview", icon="gauge"),
        ),
    ),
    Group(
        name="Studio",
        entries=(
            Entry(href="/playbooks", name="Playbooks", icon="book", role="ops"),
            Entry(href="/tasks", name="Tasks", icon="list", role="ops"),
            Entry(href="/runs", name="Runs", icon="play", role="ops"),
            Entry(href="/mails", name="Mails", icon="mail", role="ops"),
            Entry(href="/answers", name="Surveys", icon="gauge", role="ops"),
            Entry(href="/held", name="Held back", icon="pause", role="ops"),
            Entry(href="/errors", name="Error queue", icon="alert", role="ops"),
        ),
    ),
    Group(
        name="Settings",
        entries=(
            Entry(href="/users", name="Users", icon="people", role="admin"),
            Entry(href="/keys", name="API keys", icon="key", role="admin"),
            Entry(href="/endpoints", name="Webhooks", icon="send", role="admin"),
            Entry(href="/audit", name="Audit log", icon="log", role="admin"),
        ),
    ),
)


def navigation(viewer: Viewer | None) -> tuple[Group, ...]:
    """What the viewer may open, without groups that would be empty."""
    if viewer is None:
        return ()
    groups = (replace(one, entries=tuple(e for e in one.entries if viewer.may(e.role))) for one in GROUPS)
    return tuple(group for group in groups if group.entries)
