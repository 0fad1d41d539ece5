"""What every command shares: the servers it needs, how faults become exit codes, and where output goes."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from app.errors import AppError, ServerAway

if TYPE_CHECKING:
    import sqlalchemy as sa
    from temporalio.client import Client

FINDINGS, USAGE, AWAY = 1, 2, 3


class UsageError(Exception):
    """The command cannot do what it was asked; the message says why and what to do."""


@contextmanager
def exits() -> Iterator[None]:
    """Turn what users and outages can cause into one line on standard error and an exit code; bugs stay loud."""
    try:
        yield
    except ServerAway as error:
        _say_and_exit(str(error), AWAY)
    except (UsageError, AppError) as error:
        _say_and_exit(str(error), USAGE)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        message = _known(error)
        if message is None:
            raise
        _say_and_exit(*message)


def _known(error: Exception) -> tuple[str, int] | None:
    """Faults of libraries and of the store that are no bugs; looked at by module, so nothing heavy is imported here."""
    kind = type(error)
    if kind.__module__.startswith("sqlalchemy") and kind.__name__ in ("OperationalError", "InterfaceError"):
        return (
            f"PostgreSQL is not available ({str(error).splitlines()[0]}). Check TENURE_DATABASE_URL and the server.",
            AWAY,
        )
    if kind.__module__.startswith("temporalio") and kind.__name__ == "RPCError":
        return f"Temporal does not answer ({error}). Check TEMPORAL_ADDRESS and the server.", AWAY
    if kind.__name__ in ("NothingDeployed", "DeployRefused", "NotAtRest"):
        return str(error), USAGE
    return None


def _say_and_exit(message: str, code: int) -> None:
    print(f"tenure: {message}", file=sys.stderr)
    raise typer.Exit(code)


def say(text: str = "") -> None:
    """Progress and logs: standard error."""
    print(text, file=sys.stderr, flush=True)


def show(document: Any) -> None:
    """The command's one JSON document: standard output."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, allow_nan=False, indent=2))


def plain(value: Any) -> Any:
    """A value of the store as JSON: frozen dataclasses become mappings, times ISO text."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__ if not name.startswith("_")}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


class Services:
    """The database and Temporal, embedded or configured, opened when first asked for and let go together."""

    def __init__(self, home: Path | None, *, default_home: str | None = None) -> None:
        from app.embedded import Servers
        from app.settings import read_settings

        self.settings = read_settings(home or (Path(default_home) if default_home else None))
        self.servers = Servers(self.settings.home)

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        if "database" in self.__dict__:
            self.database.dispose()
        self.servers.close()

    @property
    def database_url(self) -> str:
        return self.settings.database_url or self.servers.database_url()

    @cached_property
    def database(self) -> "sa.Engine":
        """The database, with its tables as this version knows them. The embedded one is migrated on the way."""
        from store.database import engine_for
        from store.migrate import migrate
        from store.readiness import is_current

        url = self.database_url
        engine = engine_for(url)
        try:
            with engine.connect() as conn:
                current = is_current(conn)
        except Exception as error:
            engine.dispose()
            where = engine.url.render_as_string(hide_password=True)
            raise ServerAway(
                "PostgreSQL", where, f"Check TENURE_DATABASE_URL ({str(error).splitlines()[0]})."
            ) from error
        if not current:
            if self.settings.database_url:
                engine.dispose()
                raise UsageError("the database does not have this version's tables. Run: tenure migrate")
            migrate(url)
        return engine

    async def temporal(self) -> "Client":
        """A connection to Temporal, its namespace prepared."""
        from app.temporal import connect, prepare_namespace

        client = await connect(self.settings, self.servers)
        await prepare_namespace(client, embedded=not self.settings.temporal_configured)
        return client
