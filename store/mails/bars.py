"""What keeps a mail from leaving, read anew from the rows that say so."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from store.schema import contact, mail, person, playbook, run


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Why a mail may not leave: for good, or not now."""

    reason: str
    final: bool


_GONE = Bar(reason="the mail is gone", final=False)


def bars_of(conn: sa.Connection, ids: Sequence[int], *, hold: bool = False) -> dict[int, Bar | None]:
    """What keeps each of these mails from leaving at this moment."""
    query = (
        sa.select(
            mail.c.id,
            mail.c.to_address,
            run.c.state,
            contact.c.do_not_contact,
            contact.c.email,
            sa.func.coalesce(playbook.c.state, "active").label("playbook"),
        )
        .select_from(run)
        .join(mail, mail.c.run_id == run.c.id)
        .join(contact, contact.c.id == mail.c.contact_id)
        .outerjoin(playbook, playbook.c.id == run.c.playbook)
        .where(mail.c.id.in_(ids))
    )
    held = query.with_for_update(read=True, of=[run, contact]) if hold else query
    bars: dict[int, Bar | None] = dict.fromkeys(ids, _GONE)
    bars.update((row["id"], _bar(row)) for row in conn.execute(held).mappings())
    others = [mail_id for mail_id in ids if bars[mail_id] is _GONE]
    return bars | _bars_inside(conn, others) if others else bars


def _bars_inside(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Bar | None]:
    """The same for mail to colleagues, who hear of a run also when it is over."""
    standing = sa.func.coalesce(playbook.c.state, "active").label("playbook")
    rows = conn.execute(
        sa.select(mail.c.id, mail.c.to_address, person.c.email, run.c.state, standing)
        .select_from(mail)
        .join(run, run.c.id == mail.c.run_id)
        .outerjoin(person, person.c.key == mail.c.person)
        .outerjoin(playbook, playbook.c.id == run.c.playbook)
        .where(mail.c.id.in_(ids), mail.c.person.is_not(None))
    )
    bars: dict[int, Bar | None] = {}
    for row in rows:
        if (row.email or "").casefold() != row.to_address.casefold():
            bars[row.id] = Bar(reason="the address is no longer the colleague's", final=True)
        elif row.state == "open" and row.playbook != "active":
            bars[row.id] = Bar(reason=f"the playbook is {row.playbook}", final=False)
        else:
            bars[row.id] = None
    return bars


def _bar(row: sa.RowMapping) -> Bar | None:
    if row["state"] != "open":
        return Bar(reason="the run has ended", final=True)
    if row["do_not_contact"]:
        return Bar(reason="the contact does not want to be contacted", final=True)
    if (row["email"] or "").casefold() != row["to_address"].casefold():
        return Bar(reason="the address is no longer the contact's", final=True)
    standing = row["playbook"]
    return None if standing == "active" else Bar(reason=f"the playbook is {standing}", final=False)
