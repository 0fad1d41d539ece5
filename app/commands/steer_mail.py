"""`tenure mail NUMBER cancel|resend|settle`: what a person does to one mail."""

from pathlib import Path
from typing import Literal

from app.choices import one_of_or_none
from app.commands.going_on import go_on
from app.running import FINDINGS, Services, UsageError, say, show
from store import clock, mails

DOINGS = ("cancel", "resend", "settle")


def steer_mail(number: int, do: str, became: str | None, by: str, home: Path | None, *, as_json: bool) -> int:
    """0 when it is done; 1 when the mail is beyond that."""
    if do not in DOINGS:
        raise UsageError(f'"{do}" is not one of {", ".join(DOINGS)}')
    outcomes: tuple[Literal["sent", "refused"], ...] = ("sent", "refused")
    outcome = one_of_or_none("as", became, outcomes)
    if (outcome is not None) != (do == "settle"):
        raise UsageError("settle needs --as sent or --as refused, and nothing else does")
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            found = mails.find_mail(conn, number)
            if found is None:
                raise UsageError(f"there is no mail {number}; see: tenure mails")
            now = clock.now(conn)
            if do == "cancel":
                done = mails.cancel(conn, number, by, now)
            elif do == "resend":
                done = mails.resend(conn, number, by, now)
            elif outcome is not None:
                done = mails.say(conn, number, outcome, by, now)
        went_on = go_on(services) if done else ""
        with services.database.connect() as conn:
            after = mails.find_mail(conn, number)
    assert after is not None
    if as_json:
        show({"mail": number, "done": done, "state": after.state, "reason": after.reason})
    elif done:
        say(f"mail {number}: {_DONE[do]}; {went_on}")
    else:
        say(f"mail {number} is {found.state}: {_TOO_LATE[do]}")
    return 0 if done else FINDINGS


_DONE = {"cancel": "it will not leave", "resend": "it is sent once more", "settle": "its outcome is written down"}
_TOO_LATE = {
    "cancel": "only what has not left can be stopped",
    "resend": "only a mail that may or may not have left is sent again",
    "settle": "only of a mail that may or may not have left somebody has to say what became of it",
}
