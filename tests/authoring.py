"""A workspace to write playbooks in, and one good playbook that tests spoil in one place."""

from functools import cache

from engine.compile import Compilation, compile_playbook
from engine.texts.document import MailText
from engine.workspace import Workspace, load_workspace

WORKSPACE_FILE = b"""
name: Authoring
zone: Europe/Berlin
sender: { name: Team, address: team@tenure.test }
postal_address: Example Street 1
roles:
  contacts: { champion: [champion, any], admin: [admin, champion, any] }
  staff: { csm: account.csm, csm.manager: manager of csm }
fields:
  account.segment: { type: choice, of: [enterprise, self-serve] }
  account.note: text
  account.seats: number
  account.vip: bool
  account.last_qbr: date
  account.tier: { type: choice, of: [gold, silver], from: { gold: account.seats > 10, silver: account.seats <= 10 } }
events:
  login: { device: text }
mail:
  topics: { offers: { title: Offers, opt_in: true } }
metrics:
  logins: count(event.login, 30 days)
  nps: number
"""
SCORECARD = b"""
scorecard: health
components:
  - { id: logins, metric: logins, scale: { 0: 0, 20: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
minimum_known: 50%
"""
FILES = {"tenure.yaml": WORKSPACE_FILE, "scorecards/health.yaml": SCORECARD}
TEXTS = {
    "hello": MailText(subject="Hello", body="How are you?\n"),
    "offer": MailText(subject="An offer", body="Take it.\n", category="marketing", topic="offers"),
}

PLAYBOOK = """\
playbook: rescue
title: Rescue
triggers:
  - score: health
    falls_below: 40
steps:
  - id: call
    task: { title: Call them, assign: csm, due: 2 days, outcomes: [reached, lost] }
  - id: mail
    email: { template: hello, to: champion }
  - if: task.call.outcome == "reached"
    then:
      - wait: 7 days
"""


@cache
def authoring_workspace() -> Workspace:
    """The workspace of FILES."""
    return load_workspace(FILES)


def compiled(source: str | bytes, folder: str = "rescue") -> Compilation:
    """What a playbook.yaml compiles to there."""
    content = source.encode() if isinstance(source, str) else source
    return compile_playbook(content, "playbook.yaml", folder, TEXTS, authoring_workspace())


def found(compilation: Compilation) -> list[str]:
    """The errors as `CODE line:column`."""
    return _listed(compilation, "error")


def warned(compilation: Compilation) -> list[str]:
    """The warnings likewise."""
    return _listed(compilation, "warning")


def _listed(compilation: Compilation, severity: str) -> list[str]:
    problems = [one for one in compilation.problems if one.severity == severity]
    return [f"{one.code} {one.spot.line}:{one.spot.column}" for one in problems]


def with_steps(steps: str) -> str:
    """The good playbook with other steps, whose first line is line 7."""
    return PLAYBOOK.partition("  - id: call")[0] + steps


def with_trigger(trigger: str) -> str:
    """The good playbook with another trigger, whose first line is line 4."""
    head, _, rest = PLAYBOOK.partition("  - score: health\n    falls_below: 40\n")
    return head + trigger + rest


def with_line(line: str) -> str:
    """The good playbook with one more top-level key, on line 3."""
    return PLAYBOOK.replace("title: Rescue\n", f"title: Rescue\n{line}\n", 1)
