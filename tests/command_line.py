"""The command line in this process, and a tiny workspace with files to import."""

import functools
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.testing
from typer.testing import CliRunner

from app.cli import app

# A process of the command line puts its commands together once; here every test would.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]

TENURE = """\
name: Shop
zone: UTC
sender: { name: Shop, address: team@shop.test }
postal_address: Example Street 1
mail: { hold: 0 minutes }
roles:
  contacts: { champion: [champion, any] }
  staff: { csm: account.csm }
people:
  - { key: ada, name: Ada Lindqvist, email: ada@shop.test }
fields:
  account.seats: number
metrics: { nps: number }
imports:
  accounts:
    { file: accounts.csv, as: account, id: key, at: since, fields: { account.name: name, account.seats: seats } }
  scores: { file: scores.csv, as: metrics, account: key, at: day, fields: { nps: nps } }
generate:
  contacts: { champion: { name: { one_of: [Sam Okoye] }, email: "champion@{key}.example", roles: [champion] } }
  fields: { account.csm: { one_of: [ada] } }
connectors:
  email: { provider: stored }
"""
HEALTH = """\
scorecard: health
components:
  - { id: mood, metric: nps, scale: { 0: 0, 10: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
minimum_known: 50%
"""
RESCUE = """\
playbook: rescue
title: Rescue
triggers:
  - score: health
    falls_below: 40
steps:
  - id: call
    task: { title: 'Call {{ account.name }}', assign: csm, due: 2 days, outcomes: [reached, lost] }
  - id: hello
    email: { template: hello, to: champion }
  - end: { reason: worked through }
"""
GREET = """\
playbook: greet
title: Greet
triggers:
  - manual: true
steps:
  - id: greeting
    task: { title: Greet them, assign: csm }
"""
MAIL = "---\nsubject: How is {{ account.name }}?\n---\nHow are you?\n"
ACCOUNTS = "key,name,since,seats\nA-1,Acme,2026-01-10,5\nB-1,Brick,2026-01-11,7\nC-1,Cloud,2026-01-12,9\n"
SCORES = "key,day,nps\nA-1,2026-03-01,9\nB-1,2026-03-01,8\nA-1,2026-03-04,2\n"


def make_shop(root: Path) -> tuple[Path, Path]:
    """Write the workspace and its files; where each is."""
    folder, data = root / "shop", root / "data"
    for path, content in {
        folder / "tenure.yaml": TENURE,
        folder / "scorecards/health.yaml": HEALTH,
        folder / "playbooks/rescue/playbook.yaml": RESCUE,
        folder / "playbooks/rescue/emails/hello.md": MAIL,
        folder / "playbooks/greet/playbook.yaml": GREET,
        data / "accounts.csv": ACCOUNTS,
        data / "scores.csv": SCORES,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder, data


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


def tenure(*arguments: object, home: Path | None = None) -> Done:
    """Run a command; whatever it raises besides its exit is raised here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    words = [str(argument) for argument in arguments] + (["--home", str(home)] if home else [])
    try:
        result = CliRunner().invoke(app, words, catch_exceptions=False, prog_name="tenure")
    finally:
        # The command's log goes to a standard error that ends with it.
        root.handlers[:] = handlers
        root.setLevel(level)
    return Done(code=result.exit_code, out=result.stdout, err=result.stderr)
