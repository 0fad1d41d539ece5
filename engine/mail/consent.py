"""Decides whether what a person said, and what became of their address, lets a mail be written to them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from engine.mail.policy import MailPolicy

UNSUBSCRIBED = "unsubscribed"
"""The reason that the person gave: they left all mail."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One person's."""

    said: Mapping[str, bool] = field(default_factory=dict)
    """By topic, whether they want its mails; those of which they said nothing are not here."""
    listed: Collection[str] = ()
    """The reasons for which their address is suppressed."""
    wants_none: bool = False
    """They are not to be contacted at all."""

    def saying(self, wanted: Mapping[str, bool]) -> "Consent":
        """After their word on these topics; wanting one also takes back having left everything."""
        takes_back = any(wanted.values())
        listed = [reason for reason in self.listed if not (takes_back and reason == UNSUBSCRIBED)]
        return replace(self, said={**self.said, **wanted}, listed=listed)

    def leaving(self) -> "Consent":
        """After they left everything; what they have ordered still comes."""
        return replace(self, listed=[*self.listed, UNSUBSCRIBED])


def objection(consent: Consent, topic: str | None, policy: MailPolicy, *, account_wants_none: bool) -> str | None:
    """Why a mail of this topic is not written to them; None where it may be.

    Without a topic it is what they have ordered, which asks for no consent.
    """
    if consent.wants_none:
        return "the contact does not want to be contacted"
    if account_wants_none:
        return "the account does not want to be contacted"
    listed = [reason for reason in consent.listed if topic is not None or reason != UNSUBSCRIBED]
    if listed:
        return next(says for reason, says in _SUPPRESSED.items() if reason in listed)
    return None if topic is None else _unwanted(consent, topic, policy)


def _unwanted(consent: Consent, name: str, policy: MailPolicy) -> str | None:
    said, topic = consent.said.get(name), policy.all_topics().get(name)
    title = topic.title if topic else name
    if said is False:
        return f"the contact has unsubscribed from {title}"
    if said is None and topic is not None and topic.opt_in:
        return f"the contact has not asked for {title}"
    return None


_SUPPRESSED = {
    "erased": "the person was erased, and is written to no more",
    "complained": "the address is suppressed: its reader complained",
    UNSUBSCRIBED: "the contact has unsubscribed from all mail",
    "bounced": "the address is suppressed: mail to it bounced",
    "provider": "the address is suppressed: the mail provider has it on its own list",
    "manual": "the address is suppressed: a colleague put it on the list",
    "imported": "the address is suppressed: it came with an imported list",
}
"""Why a listed address is not written to; the first that holds is told."""
