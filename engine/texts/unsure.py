"""Finds what a text shows that may be unknown, with nothing in its place: such a mail fails when it is written."""

from collections.abc import Callable, Collection, Iterator
from functools import partial

from engine.problems import Problem, Spot
from engine.texts.document import MailText, places_in
from engine.texts.syntax import Use, parse

ALWAYS = ("account.name", "workspace.name")
"""Known for every account."""
_OF_MAILS = ("recipient.", "sender.")
"""Known when a mail is written; elsewhere there is no recipient."""


def unsure_in_mail(text: MailText, content: bytes, file: str, sure: Collection[str]) -> list[Problem]:
    """Warnings, each at its name. `sure`: names that are known whenever the mail is written."""
    parts = (("subject", text.subject), ("preheader", text.preheader), ("question", text.question), ("body", text.body))

    def place(key: str, offset: int) -> Spot:
        # The file is read once more only where something is wrong with it.
        return places_in(content, file)(key, offset)

    return [problem for key, part in parts for problem in unsure(part, partial(place, key), sure, mail=True)]


def unsure(template: str, spot: Callable[[int], Spot], sure: Collection[str], *, mail: bool) -> Iterator[Problem]:
    """The same of one template; `mail` has a recipient and a sender."""
    for use in bare_names(template):
        if use.name in sure or use.name in ALWAYS or (mail and use.name.startswith(_OF_MAILS)):
            continue
        nobody = not mail and use.name.startswith("recipient.")
        message = f"{use.name} may be unknown, and this fails then"
        yield Problem(
            code="PB410",
            spot=spot(use.offset),
            message=f"{use.name} is unknown here: only mails have a recipient" if nobody else message,
            hint='write or "…" behind it; behind a number | default("…"), since 0 counts as nothing for or',
            severity="warning",
        )


def bare_names(text: str) -> tuple[Use, ...]:
    """Each name that a checked template shows with nothing in its place where it is unknown, where it first does."""
    found: dict[str, Use] = {}
    for use in parse(text).uses:
        if use.bare:
            found.setdefault(use.name, use)
    return tuple(found.values())
