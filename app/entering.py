"""Links by which people come in: to set a password, to sign in at once, or as the first admin."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.listening import address_of
from app.running import Services
from store.access import links, logins
from store.access.links import Purpose


def first_link(services: Services) -> str | None:
    """For whoever starts Tenure where nobody is admin yet."""
    with services.database.begin() as conn:
        return None if logins.admins(conn) else make_link(conn, services, "first", None)


def entering_link(conn: sa.Connection, services: Services, person: str) -> str:
    """Signs in at once, once."""
    return make_link(conn, services, "enter", person)


def make_link(conn: sa.Connection, services: Services, purpose: Purpose, person: str | None) -> str:
    """For its purpose, once; for nobody: the first admin's."""
    return f"{_address(services)}/enter/{links.make_link(conn, purpose, person, datetime.now(UTC))}"


def _address(services: Services) -> str:
    """Where the pages are: as the settings say, or where `up` and `demo` put them last."""
    settings = services.settings
    if settings.public_url:
        return settings.public_url
    if settings.web_port:
        return address_of(settings.web_host, settings.web_port)
    try:
        return settings.address_file.read_text(encoding="utf-8")
    except OSError:
        return ""
