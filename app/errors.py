"""What can stop the application before its work begins.

AppError
├── SettingsError   a setting is unusable: change it (a fault of whoever called)
└── ServerAway      PostgreSQL or Temporal does not answer: start or repair it (an outage)
"""


class AppError(Exception):
    """The application cannot go on, and the message says what to do about it."""


class SettingsError(AppError):
    """An environment variable has a value that cannot be used; secret values are never repeated."""

    def __init__(self, name: str, problem: str, hint: str) -> None:
        super().__init__(f"{name} {problem}. {hint}")
        self.name = name
        self.problem = problem
        self.hint = hint


class ServerAway(AppError):
    """A server that Tenure needs cannot be started or does not answer where it was looked for."""

    def __init__(self, what: str, where: str, hint: str) -> None:
        super().__init__(f"{what} is not available at {where}. {hint}")
        self.what = what
        self.where = where
        self.hint = hint
