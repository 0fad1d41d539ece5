"""The step that mails a customer: queue the mail, then wait until the mail stream has settled it."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.runtime import Standing
from engine.steps.base import ActingDocument, ActingStep, StepCompiler
from engine.walk import Walk

_TO = re.compile(r"^(?:(all)\s+|(role):)?(\S+)$")


class EmailStep(ActingStep):
    """To one person: `first` of the role's fallback chain, or of that role alone (`exact`); or to `all` of a role."""

    kind: Literal["email"] = "email"
    text: str
    template: str
    to: str
    mode: Literal["first", "exact", "all"] = "first"
    from_: str | None = None

    async def walk(self, walk: Walk, at: str) -> None:
        params = {"text": self.text, "template": self.template, "to": self.to, "mode": self.mode, "from": self.from_}
        on_its_way = Standing(path=f"{at}/settled", step=self.id, says=f"mail {self.template} is on its way")
        receipt = await walk.act(self, at, "email", params, on_its_way)
        outcome = receipt.values.get("outcome", receipt.outcome)
        if outcome == "queued":
            key = f"{self.id}#{walk.visit(at)}"
            mails = walk.position.inbox.mails
            await walk.until(on_its_way.path, None, lambda: key in mails, on_its_way.says, self.id)
            settled = mails.pop(key)
            outcome = settled["outcome"]
            walk.note(at, "mail", step=self.id, outcome=outcome, reason=settled.get("reason") or "")
        walk.result(f"email.{self.id}.outcome", outcome)


class EmailBody(BaseModel):
    """The mail to send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str = Field(description="a file of the playbook's emails folder, without .md")
    to: str = Field(description="a contact role (first of its fallback chain), `role:admin`, or `all admin`")
    from_: str | None = Field(
        None, alias="from", description="a staff role: sent in that person's name, replies to them"
    )


class EmailDocument(ActingDocument):
    """Send a mail to a contact."""

    email: EmailBody

    def compile(self, with_: StepCompiler) -> EmailStep | None:
        text = with_.text(self.email.template, "email", "template")
        form = _TO.match(self.email.to.strip())
        if form is None:
            with_.problem(
                "PB310", f"{self.email.to!r} is not a recipient", "email", "to", hint="champion, role:admin, all admin"
            )
            return None
        role = with_.contact_role(form[3], "email", "to")
        sender = with_.staff_role(self.email.from_, "email", "from") if self.email.from_ else None
        on_error = self.failure(with_)
        if text is None or role is None:
            return None
        mode: Literal["first", "exact", "all"] = "all" if form[1] else "exact" if form[2] else "first"
        return EmailStep(
            id=self.id, text=text, template=self.email.template, to=role, mode=mode, from_=sender, on_error=on_error
        )
