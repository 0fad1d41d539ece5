"""How the store reaches PostgreSQL: one engine per URL, every connection in UTC; it knows no table."""

import sqlalchemy as sa

_DRIVER = "postgresql+psycopg"


def engine_for(url: str, *, pool_size: int = 10) -> sa.Engine:
    """A pooled engine for `postgresql://…` (or a bare `postgres://…`), with psycopg as the driver."""
    return sa.create_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        # The connection used last knows the most statements by name.
        pool_use_lifo=True,
        # jit costs more than it gives on statements of this size. Microsecond-exact text of doubles is the default.
        connect_args={"options": "-c timezone=UTC -c jit=off"},
    )


def with_driver(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    return parsed.set(drivername=_DRIVER) if parsed.get_backend_name() in ("postgresql", "postgres") else parsed
