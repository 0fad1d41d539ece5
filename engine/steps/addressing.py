"""Whom a mail of a playbook goes to, in whose name and in which text: what emails and surveys have in common."""

import re
from typing import Literal

from pydantic import Field

from engine.mail.policy import SERVICE
from engine.steps.base import StepCompiler
from engine.values import Value

Mode = Literal["first", "exact", "all"]

_TO = re.compile(r"^(?:(all)\s+|(role):)?(\S+)$")


class Addressing(Value):
    """To one person: `first` of the role's fallback chain, or of that role alone (`exact`); or to `all` of a role."""

    text: str
    """The hash of the text in the workspace's own language."""
    template: str
    to: str
    mode: Mode = "first"
    from_: str | None = None
    translations: dict[str, str] = Field(default_factory=dict)
    """Hashes by locale."""
    transactional: bool = False
    """It asks for no consent, and waits for no window and no cap."""
    topic: str = SERVICE
    """What consent is asked for, of a mail that asks for it."""

    def whom(self) -> str:
        """The recipient as the author wrote it."""
        return f"all {self.to}" if self.mode == "all" else f"role:{self.to}" if self.mode == "exact" else self.to

    def params(self) -> dict[str, object]:
        """For the act. What is not there by default only where it is: what was asked before it is asked alike today."""
        params: dict[str, object] = {
            "text": self.text,
            "template": self.template,
            "to": self.to,
            "mode": self.mode,
            "from": self.from_,
        }
        more: dict[str, object] = {"transactional": True} if self.transactional else {}
        if self.topic != SERVICE:
            more["topic"] = self.topic
        return params | more | ({"translations": self.translations} if self.translations else {})


def address(
    with_: StepCompiler, *, template: str, to: str, from_: str | None, at: str, modes: tuple[Mode, ...]
) -> Addressing | None:
    """The checked addressing of a step whose body stands under the key `at`; None when a problem was noted."""
    text = with_.text(template, at, "template")
    translations = with_.translations(template, at, "template") if text else {}
    sender = with_.staff_role(from_, at, "from") if from_ else None
    form = _TO.match(to.strip())
    if form is None:
        with_.problem("PB310", f"{to!r} is not a recipient", at, "to", hint="champion, role:admin, all admin")
        return None
    mode: Mode = "all" if form[1] else "exact" if form[2] else "first"
    role = with_.contact_role(form[3], at, "to")
    if mode not in modes:
        with_.problem("PB310", "this goes to one person", at, "to", hint=f"write {form[3]}, or role:{form[3]}")
        return None
    if text is None or role is None:
        return None
    topic = with_.topic(template)
    return Addressing(
        text=text,
        template=template,
        to=role,
        mode=mode,
        from_=sender,
        translations=translations,
        transactional=topic is None,
        topic=topic or SERVICE,
    )
