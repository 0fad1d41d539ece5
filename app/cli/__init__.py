"""The command line: names, arguments and help only; each command imports its doing when it is called, so help is fast.

Exit codes everywhere: 0 fine, 1 findings, 2 usage, 3 a service is away.
"""

# In the order in which help lists them.
from app.cli import serving, authoring, operating, looking, mailing, holding, users  # noqa: F401, I001
from app.cli.leaving import leave
from app.cli.root import app, breaker_app, health_app, quarantine_app, suppress_app, task_app

__all__ = ["app", "breaker_app", "health_app", "main", "quarantine_app", "suppress_app", "task_app"]


def main() -> None:
    """The entry point."""
    try:
        app(prog_name="tenure")
    except SystemExit as end:
        if isinstance(end.code, int):
            leave(end.code)
        raise
