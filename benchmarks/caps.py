"""Whether caps hold when eight workers race for the same places, and how many reservations that makes a second."""

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from app.embedded import Servers
from benchmarks.mail_rows import put_mails
from benchmarks.measure import Figure, Spent, median, timed
from engine.mail.addresses import address_key
from engine.workspace import load_workspace
from store import mails, schema
from store.deploying.deploy import deploy
from store.migrate import migrate
from store.postgres.database import engine_for

_WORKERS, _PEOPLE, _MAILS_EACH, _AT_MOST = 8, 40, 16, 3
_MAILS = _PEOPLE * _MAILS_EACH
_ROUNDS = 3
_NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
_WORKSPACE = f"""
name: Bench
mail: {{ caps: [ {{ per: contact, at_most: {_AT_MOST}, within: 7 days }} ] }}
"""


def figures() -> Iterator[Figure]:
    """Each worker has two mails to every person in hand, and asks for them by the step after which a mail may leave."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home)) as servers:
        url = servers.database_url()
        migrate(url)
        engine = engine_for(url)
        with engine.begin() as conn:
            deploy(conn, load_workspace({"tenure.yaml": _WORKSPACE.encode()}), [], _NOW)
            conn.execute(sa.text("create table bare (id bigint generated always as identity primary key, who text)"))
        exceeded, short = 0, 0
        ours: list[Spent] = []
        bare: list[Spent] = []
        for n in range(_ROUNDS):
            ids = _put(engine, n)
            # Before they are due: none goes first, and whoever is first has the place.
            now = _due(n) - timedelta(hours=1)
            ours.append(timed(lambda: _race(url, lambda conn, one: mails.handing_over(conn, one, now), ids)))  # noqa: B023
            bare.append(timed(lambda: _race(url, _insert, ids)))  # noqa: B023
            left = _left(engine, ids)
            exceeded += sum(max(0, count - _AT_MOST) for count in left.values())
            short += sum(max(0, _AT_MOST - left[person]) for person in range(_PEOPLE))
        engine.dispose()
    yield Figure(
        name="caps_exceeded",
        value=exceeded,
        unit="mails",
        target="= 0",
        holds=exceeded == 0,
        note=f"{_ROUNDS} races of {_WORKERS} workers for {_PEOPLE * _AT_MOST} places; places left empty: {short}",
    )
    yield Figure(
        name="caps",
        value=_MAILS / median(one.wall for one in ours),
        unit="asked/s",
        ceiling=_MAILS / median(one.wall for one in bare),
        note=f"{_MAILS} transactions: {_PEOPLE * _AT_MOST} mails take a place, the others learn who has it; "
        "the ceiling is as many bare inserts, by as many workers",
    )


def _due(round_: int) -> datetime:
    return _NOW + timedelta(days=30 * round_)


def _put(engine: sa.Engine, round_: int) -> list[int]:
    """Mails, so many for each person, at an address of this round."""
    first = round_ * _MAILS
    put_mails(engine, first, _MAILS, _due(round_), topic="service")
    names = [f"<{n}@bench.example>" for n in range(first, first + _MAILS)]
    with engine.begin() as conn:
        ids = list(
            conn.execute(
                sa.select(schema.mail.c.id).where(schema.mail.c.message_id.in_(names)).order_by(schema.mail.c.id)
            ).scalars()
        )
        for person in range(_PEOPLE):
            address = f"same{round_}.{person}@customer.example"
            mine = ids[person * _MAILS_EACH : (person + 1) * _MAILS_EACH]
            of = sa.update(schema.mail).where(schema.mail.c.id.in_(mine))
            conn.execute(of.values(to_address=address, to_key=address_key(address)))
            contacts = sa.select(schema.mail.c.contact_id).where(schema.mail.c.id.in_(mine))
            conn.execute(sa.update(schema.contact).where(schema.contact.c.id.in_(contacts)).values(email=address))
    return ids


def _race(url: str, ask: Callable[[sa.Connection, int], object], ids: list[int]) -> None:
    begin = threading.Barrier(_WORKERS)
    failed: list[BaseException] = []

    def work(mine: list[int]) -> None:
        engine = engine_for(url)
        try:
            with engine.connect() as conn:
                begin.wait()
                for one in mine:
                    with conn.begin():
                        ask(conn, one)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            failed.append(error)
            begin.abort()
        finally:
            engine.dispose()

    # All of them go from person to person alike, and meet at each.
    threads = [threading.Thread(target=work, args=(ids[n::_WORKERS],)) for n in range(_WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _insert(conn: sa.Connection, mail_id: int) -> None:
    conn.execute(sa.text("insert into bare (who) values (:who) returning id"), {"who": str(mail_id)}).scalar_one()


def _left(engine: sa.Engine, ids: list[int]) -> Counter[int]:
    """How many mails have left, by person."""
    of = schema.mail.c
    with engine.connect() as conn:
        gone = conn.execute(sa.select(of.id).where(of.id.in_(ids), of.left_at.is_not(None))).scalars()
        place = {id_: n // _MAILS_EACH for n, id_ in enumerate(ids)}
        return Counter(place[id_] for id_ in gone)
