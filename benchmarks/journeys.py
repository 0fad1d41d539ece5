"""The journeys that are measured: three mails in a row, and two tasks in a row; their playbooks and their accounts."""

from engine.compile import compile_playbook
from engine.facts import AccountFact, ContactFact, IncomingFact, PersonFact
from engine.texts.document import MailText
from engine.workspace import Workspace, load_workspace
from store.deploying.deploy import Publication

MAILS = ("hello", "tips", "news")
TEXTS = {
    name: MailText(
        subject=f"{name.title()}, {{{{ recipient.first_name }}}}",
        body="Hello {{ recipient.first_name }},\n\nhow is it going at **{{ account.name }}**?\n\n- one\n- two\n",
    )
    for name in MAILS
}
TASKS = ("call", "report")
THREE_MAILS, MAILS_BY_HAND = "three-mails", "three-mails-by-hand"
TWO_TASKS, TASKS_BY_HAND = "two-tasks", "two-tasks-by-hand"

_WORKSPACE = b"""
name: Bench
zone: Europe/Berlin
sender: { name: Team, address: team@bench.test }
postal_address: Example Street 1
roles:
  contacts: { champion: [champion, any] }
  staff: { csm: account.csm }
metrics:
  use: number
mail: { hold: 0 minutes }
"""


def workspace() -> Workspace:
    return load_workspace({"tenure.yaml": _WORKSPACE})


def publications() -> list[Publication]:
    """Each journey twice: for the interpreter, and under the name of the workflow that is written by hand."""
    mails = [f"  - {{ id: {name}, email: {{ template: {name}, to: champion, from: csm }} }}" for name in MAILS]
    tasks = [
        f"  - {{ id: {name}, task: {{ title: '{name.title()} {{{{ account.name }}}}', assign: csm }} }}"
        for name in TASKS
    ]
    steps = {THREE_MAILS: mails, MAILS_BY_HAND: mails, TWO_TASKS: tasks, TASKS_BY_HAND: tasks}
    return [_publication(name, lines) for name, lines in steps.items()]


def _publication(name: str, steps: list[str]) -> Publication:
    head = (f"playbook: {name}", f"title: {name}", "triggers: [{ manual: true }]", "goal: { when: metric.use > 60 }")
    source = "\n".join([*head, "steps:", *steps, ""])
    found = compile_playbook(source.encode(), f"{name}/playbook.yaml", name, TEXTS, workspace())
    assert found.compiled is not None, found.problems
    texts = {hash_: text.model_dump(mode="json") for hash_, text in found.texts.items()}
    return Publication(compiled=found.compiled, source=source, texts=texts)


def account(n: int) -> str:
    return f"bench-{n}"


def facts(accounts: int) -> list[IncomingFact]:
    found: list[IncomingFact] = [PersonFact(key="kim", name="Kim", email="kim@bench.test")]
    for n in range(accounts):
        found.append(AccountFact(key=account(n), fields={"account.name": f"Acme {n}", "account.csm": "kim"}))
        email = f"ann{n}@acme.test"
        ann = ContactFact(
            account=account(n), key="c", roles=("champion",), name="Ann Ex", first_name="Ann", email=email
        )
        found.append(ann)
    return found
