"""An invented account that fits a playbook: made from what the workspace declares, for previews without any data."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from engine.catalogue import Field
from engine.contacts import Contact
from engine.expressions.levers import Change, nearest
from engine.mail.addresses import address_key
from engine.mail.consent import Consent
from engine.plan import Compiled
from engine.simulation import Account
from engine.workspace import Workspace

NAME = "Alder & Finch"
_ANN = {"name": "Ann Field", "first_name": "Ann", "email": "ann@alder.example"}
_GRACE = {"name": "Grace Okafor", "first_name": "Grace", "email": "grace@tenure.example"}
_KNOWN: Mapping[str, Any] = {
    "account.name": NAME,
    "account.lifecycle": "live",
    "account.arr": 48_000.0,
    "account.csm": "grace",
    "account.country": None,
    "account.locale": None,
    "account.zone": None,
}
_ROUNDS = 4


def sample_account(workspace: Workspace, compiled: Compiled, at: datetime) -> Account:
    """Inside the playbook's audience, its goal and exits not reached, as far as single values can bring that about; its
    contacts want the mails of every topic.

    Every value is told, so that none of them moves by itself.
    """
    today = at.date()
    fields = workspace.catalogue().fields
    facts = {name: _value(field, today) for name, field in fields.items() if not name.endswith((".band", ".since"))}
    facts = {name: value for name, value in facts.items() if value is not ...}
    for _ in range(_ROUNDS):
        account = _made(workspace, facts, at)
        changes = _unfitting(workspace, compiled, account)
        if not changes:
            break
        facts |= {change.name: change.to for change in changes}
    return _made(workspace, facts, at)


def sample_texts(workspace: Workspace) -> dict[str, Any]:
    """What mails and titles say of people, by full name; facts are to be laid over it."""
    sender = workspace.sender
    values: dict[str, Any] = {
        "workspace.name": workspace.name,
        "sender.name": sender.name if sender else None,
        "sender.first_name": sender.name.partition(" ")[0] if sender else None,
        "sender.email": sender.address if sender else None,
    }
    for role in workspace.roles.contacts:
        values |= {f"contact.{role}.{word}": value for word, value in _ANN.items()}
    for role in workspace.roles.staff:
        values |= {f"{role}.{word}": value for word, value in _GRACE.items()}
    return values | {f"recipient.{word}": value for word, value in _ANN.items()}


def _made(workspace: Workspace, facts: Mapping[str, Any], at: datetime) -> Account:
    contacts = [_contact(role) for role in workspace.roles.contacts]
    account = Account(workspace, contacts, "sample")
    wanted = Consent(said=dict.fromkeys(workspace.mail.all_topics(), True))
    account.consents = {address_key(one.email): wanted for one in contacts if one.email}
    account.learn(facts)
    account.look(at)
    return account


def _contact(role: str) -> Contact:
    return Contact(key=role, name=_ANN["name"], email=f"{role}@alder.example", roles=(role,))


def _unfitting(workspace: Workspace, compiled: Compiled, account: Account) -> list[Change]:
    wanted = [(compiled.audience, True)]
    if compiled.plan.goal:
        wanted.append((compiled.plan.goal.when, False))
    wanted += [(exit_.when, False) for exit_ in compiled.plan.exits]
    found: list[Change] = []
    for condition, want in wanted:
        changes = nearest(condition.expression, account, workspace.catalogue(), want=want) or ()
        found += [change for change in changes if change.to is not None and "(" not in change.name]
    return found


def _value(field: Field, today: date) -> Any:
    """Ellipsis for what is worked out."""
    if field.name in _KNOWN:
        return _KNOWN[field.name]
    if field.name.endswith(".score"):
        return 70.0
    match field.type:
        case "number":
            return 10.0
        case "choice":
            return field.options[0] if field.options else None
        case "bool":
            return False
        case "date":
            past = any(word in field.name for word in ("last", "signup", "since"))
            return today - timedelta(days=60) if past else today + timedelta(days=120)
        case "instant" | "tags":
            return ...
    return "…"
