"""What a preview stands on: a draft on disk or a deployed playbook, and a real account or an invented one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.drafts import Draft, find_draft, is_draft
from app.running import Services, UsageError
from app.trial import Texts
from engine.calendars import local_midnight
from engine.outline import outline
from engine.plan import Compiled
from engine.sample import sample_account, sample_texts
from engine.simulation import Account
from engine.steps.survey import SurveyStep
from engine.surveys import Kind
from engine.texts.document import MailText
from engine.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Everything a preview needs."""

    compiled: Compiled
    workspace: Workspace
    account: Account
    name: str
    """Of the account, for people."""
    begin: datetime
    texts: Texts
    named: Mapping[str, MailText]
    """Mail texts by template; a translation by `template.locale`."""
    senders: Mapping[str, str]
    """By template, the staff role in whose name it goes; of the first step that sends it."""
    surveys: Mapping[str, Kind]
    """By template, what the survey asks whose mail it is."""
    invented: bool


@contextmanager
def grounds(playbook: str, account: str | None, at: date | None, home: Path | None) -> Iterator[Grounds]:
    """Without an account, one is invented and no database is asked unless the playbook is only there.

    Raises Broken when a draft does not compile, UsageError for what is not there.
    """
    draft = find_draft(Path(playbook)) if is_draft(Path(playbook)) else None
    if account is None and draft is not None:
        yield _invented(draft.compiled, draft.workspace, at, _texts_of(draft), datetime.now(UTC))
        return
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        from store import clock
        from store.deployed import load_compiled, load_workspace

        workspace = draft.workspace if draft else load_workspace(conn)
        compiled = draft.compiled if draft else load_compiled(conn, playbook)
        mails = _texts_of(draft) if draft else _deployed_texts(conn, compiled)
        now = clock.now(conn)
        if account is None:
            yield _invented(compiled, workspace, at, mails, now)
            return
        yield _real(conn, compiled, workspace, account, at, mails, now)


def _invented(
    compiled: Compiled, workspace: Workspace, at: date | None, mails: Mapping[str, MailText], now: datetime
) -> Grounds:
    begin = now if at is None else local_midnight(at, workspace.zone)
    account = sample_account(workspace, compiled, begin)
    people = sample_texts(workspace)
    return Grounds(
        compiled=compiled,
        workspace=workspace,
        account=account,
        name=str(account.field("account.name")),
        begin=begin,
        texts=Texts(mails=mails.get, people=people),
        named=_named(compiled, mails),
        senders=_senders(compiled),
        surveys=_surveys(compiled),
        invented=True,
    )


def _real(  # noqa: PLR0917 - what the caller has at hand
    conn: Any,
    compiled: Compiled,
    workspace: Workspace,
    key: str,
    at: date | None,
    mails: Mapping[str, MailText],
    now: datetime,
) -> Grounds:
    from sqlalchemy import select

    from store.explain.knowledge import account_as_known
    from store.people import text_values
    from store.schema import account as account_table

    id_ = conn.execute(select(account_table.c.id).where(account_table.c.key == key)).scalar()
    if id_ is None:
        raise UsageError(f'there is no account "{key}"')
    account = account_as_known(conn, workspace, id_, now)
    begin = now if at is None else local_midnight(at, account.place.zone)
    if begin < now:
        account = account_as_known(conn, workspace, id_, begin)
    # What is known stays as it is: a count over the last weeks shall not sink because nobody tells the future.
    account.learn({name: value for name, value in account.values.items() if not name.endswith((".band", ".since"))})

    people = dict(text_values(conn, id_, workspace))
    return Grounds(
        compiled=compiled,
        workspace=workspace,
        account=account,
        name=str(account.field("account.name") or key),
        begin=begin,
        texts=Texts(mails=mails.get, people=people),
        named=_named(compiled, mails),
        senders=_senders(compiled),
        surveys=_surveys(compiled),
        invented=False,
    )


def _texts_of(draft: Draft) -> Mapping[str, MailText]:
    return {text.hash: text for text in draft.compilation.texts.values()}


def _deployed_texts(conn: Any, compiled: Compiled) -> Mapping[str, MailText]:
    from sqlalchemy import select

    from store.schema import text

    rows = conn.execute(select(text).where(text.c.hash.in_(compiled.plan.texts)))
    return {row.hash: MailText.model_validate(row.content) for row in rows}


def _senders(compiled: Compiled) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one in outline(compiled.plan):
        template, role = getattr(one.step, "template", ""), getattr(one.step, "from_", None)
        if template and role:
            found.setdefault(template, role)
    return found


def _surveys(compiled: Compiled) -> Mapping[str, Kind]:
    steps = (one.step for one in outline(compiled.plan))
    return {step.template: step.asks for step in steps if isinstance(step, SurveyStep)}


def _named(compiled: Compiled, mails: Mapping[str, MailText]) -> Mapping[str, MailText]:
    found: dict[str, MailText] = {}
    for one in outline(compiled.plan):
        template, hash_ = getattr(one.step, "template", ""), getattr(one.step, "text", "")
        if template and hash_ in mails:
            found[template] = mails[hash_]
            for locale, other in (getattr(one.step, "translations", None) or {}).items():
                if other in mails:
                    found[f"{template}.{locale}"] = mails[other]
    return found
