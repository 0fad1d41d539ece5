"""Which addresses may be told what happens, and what may be done with one: alike by the page and by the API."""

from typing import Literal

from connectors.webhook.http import HttpSettings
from web.problems import Refusal

STATES: dict[str, Literal["active", "paused", "removed"]] = {
    "pause": "paused",
    "resume": "active",
    "remove": "removed",
}


def callable_address(url: str, *, allow_private: bool) -> str:
    """The address as it is; a Refusal where it would be reached in the open."""
    try:
        return HttpSettings(url=url, secret_env=None, allow_private=allow_private).url
    except ValueError as error:
        detail = "The address is not reached over TLS."
        raise Refusal(422, "Not over TLS", detail, "Write https://…, or set TENURE_TELL_PRIVATE=yes.") from error
