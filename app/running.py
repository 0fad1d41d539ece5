"""What every command shares: the servers it needs, how faults become exit codes, and where output goes."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from app.errors import AppError, ServerAway

if TYPE_CHECKING:
    import sqlalchemy as sa
    from temporalio.client import Client

    from app.embedded import Servers

FINDINGS, USAGE, AWAY = 1, 2, 3


class UsageError(Exception):
    """The command cannot do what it was asked; the message says why and what to do."""


@contextmanager
def exits() -> Iterator[None]:
    """Turn what users and outages can cause into a few lines on standard error and an exit code; bugs stay loud."""
    try:
        yield
    except ServerAway as error:
        _say_and_exit(str(error), AWAY)
    except (UsageError, AppError) as error:
        _say_and_exit(str(error), USAGE)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`). Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except Exception as error:
        message = _known(error)
        if message is None:
            raise
        _say_and_exit(*message)


def _known(error: Exception) -> tuple[str, int] | None:
    """Faults of libraries and of the store that are no bugs; looked at by name, so nothing heavy is imported here."""
    kind = type(error)
    name = kind.__name__
    if kind.__module__.startswith("sqlalchemy") and name in ("OperationalError", "InterfaceError"):
        hint = "Repeat the command when it is back; TENURE_DATABASE_URL says where it is looked for."
        return f"PostgreSQL is not available ({_first_line(error)}). {hint}", AWAY
    if refusal := _refusal(error):
        return refusal, USAGE
    if kind.__module__.startswith("temporalio") and name == "RPCError":
        return f"Temporal does not answer ({error}). Check TEMPORAL_ADDRESS and the server.", AWAY
    if name == "NotAtRest":
        return f"{error} Its log tells more.", AWAY
    if name == "NothingDeployed" and "workspace" in str(error):
        return "nothing is deployed yet. Run: tenure deploy FOLDER", USAGE
    if name in ("NothingDeployed", "AlreadyDriven", "WorkersLive"):
        return str(error), USAGE
    if name in ("ClockLeapt", "SetBack"):
        return str(error), FINDINGS
    if name == "DeployRefused":
        return "nothing was deployed, because\n  " + str(error).replace("\n", "\n  "), FINDINGS
    return None


_SHARED_OUT = (
    "TENURE_DATABASE_URL leads to a pooler that shares connections out anew for each transaction: locks would be lost, "
    "and statements mistaken for each other. Set the pooler to session mode, or name PostgreSQL itself"
)


def _not_migrated(applied: str | None, ours: str) -> str:
    if applied is None:
        return "the database does not have Tenure's tables yet. Run: tenure migrate"
    return (
        f"the database has the tables of another version of Tenure ({applied}; this one works with {ours}). "
        "Where this version is the newer one, run its: tenure migrate. Where it is the older one, end it"
    )


def _refusal(error: Exception) -> str | None:
    """What PostgreSQL does not let our user do."""
    if type(getattr(error, "orig", None)).__name__ != "InsufficientPrivilege":
        return None
    hint = "Let the user of TENURE_DATABASE_URL own the tables: `tenure migrate` makes them under the same one."
    return f"PostgreSQL refuses ({_first_line(error)}). {hint}"


def _first_line(error: Exception) -> str:
    """What the server said, without the driver's word for it."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _say_and_exit(message: str, code: int) -> None:
    say(f"tenure: {message}")
    raise typer.Exit(code)


def say(text: str = "") -> None:
    """Progress, hints and refusals: standard error."""
    print(text, file=sys.stderr, flush=True)


def show(document: Any) -> None:
    """The command's one JSON document: standard output."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, allow_nan=False, indent=2))


def show_list(items: Sequence[Any], following: str | None = None, **more: Any) -> None:
    """A list as the API gives its pages: `items`, and `next` where there are more of them."""
    show({"items": plain(items), "next": following, **more})


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
    """The database and Temporal, embedded or configured, opened when first asked for and let go together.

    `must_exist` is for commands that look at or change what is there: a mistyped home shall not become an empty one.
    """

    def __init__(
        self,
        home: Path | None,
        *,
        default_home: str | None = None,
        must_exist: bool = False,
        durable: bool = True,
    ) -> None:
        """`durable=False` is for made-up data: what was written last may be lost with the machine's power."""
        from app.logs import set_up_logs
        from app.settings import read_settings

        self._durable = durable
        self.settings = read_settings(home or (Path(default_home) if default_home else None))
        # A command that ends soon speaks for itself; the long-running ones turn this up.
        set_up_logs(self.settings.log_format, logging.WARNING)
        if must_exist and not self.settings.database_url and not (self.settings.home / "postgres").is_dir():
            raise UsageError(
                f"{self.settings.home} holds nothing of Tenure yet. Name another place with --home or TENURE_HOME, "
                "or begin with: tenure demo, tenure import or tenure deploy"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "database" in self.__dict__:
            self.database.dispose()
        if "servers" in self.__dict__:
            self.servers.close()

    @cached_property
    def servers(self) -> "Servers":
        """The embedded servers of the home, not started yet."""
        from app.embedded import Servers

        return Servers(self.settings.home, durable=self._durable)

    @property
    def database_url(self) -> str:
        if self.settings.database_url:
            return self.settings.database_url
        self._need_home()
        return self.servers.database_url()

    @cached_property
    def database(self) -> "sa.Engine":
        """The database, with its tables as this version knows them. The embedded one is migrated on the way."""
        from store.postgres.database import engine_for
        from store.postgres.pooling import is_shared_out
        from store.readiness import revision
        from store.revisions import newest

        url = self.database_url
        engine = engine_for(url)
        try:
            shared_out = bool(self.settings.database_url) and is_shared_out(engine)
            with engine.connect() as conn:
                applied = revision(conn)
        except Exception as error:
            engine.dispose()
            if refusal := _refusal(error):
                raise UsageError(refusal) from error
            where = engine.url.render_as_string(hide_password=True)
            raise ServerAway("PostgreSQL", where, f"Check TENURE_DATABASE_URL ({_first_line(error)}).") from error
        if shared_out:
            engine.dispose()
            raise UsageError(_SHARED_OUT)
        if applied != newest():
            if self.settings.database_url:
                engine.dispose()
                raise UsageError(_not_migrated(applied, newest()))
            self.migrate()
        return engine

    def migrate(self) -> None:
        """Give the database the tables that this version knows."""
        from store.migrate import UnknownTables, migrate

        try:
            migrate(self.database_url)
        except UnknownTables as error:
            where = "the database" if self.settings.database_url else f"the database in {self.settings.home}"
            raise UsageError(
                f"{where} was made by another version of Tenure, and this one cannot change its tables. "
                "Use that version, or another database (--home names another place)"
            ) from error

    async def temporal(self, *, core_log: bool = False) -> "Client":
        """A connection to Temporal, its namespace prepared. `core_log` lets its core write to standard output."""
        from app.temporal import connect, prepare_namespace

        if not self.settings.temporal_configured:
            self._need_home()
        client = await connect(self.settings, self.servers, core_log=core_log)
        await prepare_namespace(client, embedded=not self.settings.temporal_configured)
        return client

    def _need_home(self) -> None:
        home = self.settings.home
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{home} cannot be a home ({error.strerror}). Choose another place with --home") from error
        if not os.access(home, os.W_OK | os.X_OK):
            raise UsageError(f"{home} cannot be written. Choose another place with --home")
