"""Settings that all processes must have alike: each tells its own when it starts, and hears which were others before.

Links that one process signs are checked by another: with two keys, nobody could unsubscribe.
"""

import hashlib
from collections.abc import Mapping

import sqlalchemy as sa

from store.postgres.statements import Statement


def tell_settings(conn: sa.Connection, settings: Mapping[str, str | None]) -> list[str]:
    """Names of those that the process which started before this one had another value of; None: it is not set.

    Secrets may be told: of values only a fingerprint is kept, from which no long random one is found.
    """
    told = {name: hashlib.sha256(f"{name}={value or ''}".encode()).hexdigest()[:32] for name, value in settings.items()}
    before = {row.name: row.fingerprint for row in _BEFORE.read(conn, {})}
    for name, fingerprint in sorted(told.items()):
        _TELL.write(conn, {"name": name, "fingerprint": fingerprint})
    return [name for name, fingerprint in told.items() if before.get(name, fingerprint) != fingerprint]


_BEFORE = Statement("select name, fingerprint from told_setting")
_TELL = Statement("""
    insert into told_setting (name, fingerprint) values (%(name)s, %(fingerprint)s)
    on conflict (name) do update set fingerprint = excluded.fingerprint
""")
