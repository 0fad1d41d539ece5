"""What a version of a playbook reads of the workspace: in conditions, by its dates and key, and in what it writes."""

from collections.abc import Iterator, Mapping
from itertools import chain

import sqlalchemy as sa

from engine.plan import Compiled, Plan
from engine.texts.document import MailText
from engine.texts.syntax import names_in
from engine.triggers.base import Moment, Schedule
from engine.triggers.coming import anchor_of
from store.deployed import plan_conditions
from store.schema import text

Reads = Mapping[str, str | None]
"""Names with the type that conditions want; None where only texts, dates or keys name them, which take any."""


def reads_of_plan(conn: sa.Connection, plan: Plan) -> Reads:
    """What a run needs that walks it."""
    named = {name: None for template in plan.all_templates for name in names_in(template)}
    texts = conn.execute(sa.select(text.c.content).where(text.c.hash.in_(plan.texts))).scalars()
    named |= {name: None for content in texts for name in MailText.model_validate(content).reads}
    return named | {name: type_ for condition in plan_conditions(plan) for name, type_ in condition.reads.items()}


def reads_of_version(conn: sa.Connection, compiled: Compiled) -> Reads:
    """What it needs to start runs, and what these need."""
    starts = {name: type_ for condition in compiled.conditions() for name, type_ in condition.reads.items()}
    return {**dict.fromkeys(_dates(compiled)), **reads_of_plan(conn, compiled.plan), **starts}


def _dates(compiled: Compiled) -> Iterator[str]:
    anchors = (anchor_of(one)[0] for one in compiled.triggers if isinstance(one, Moment | Schedule))
    return (name for name in chain(anchors, [compiled.entry.key]) if name is not None)
