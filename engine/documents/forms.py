"""The forms that names, times and paths have in documents: each pattern in words, and how to mend what misses it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a pattern asks for; `mend` makes a suggestion of a value, which counts only if the pattern takes it."""

    says: str
    such_as: str
    mend: Callable[[str], str] = str.strip


def _joined(by: str) -> Callable[[str], str]:
    """Small letters and digits, and between them one mark."""
    return lambda value: re.sub(r"[^a-z0-9]+", by, value.lower()).strip(by)


def _of_account(value: str) -> str:
    return f"account.{_joined('_')(value.removeprefix('account.'))}"


def _clock(value: str) -> str:
    """`8:00` and `8.00` as 08:00."""
    found = re.fullmatch(r"\s*(\d{1,2})[:.](\d{2})\s*", value, re.ASCII)
    return f"{found[1]:0>2}:{found[2]}" if found else value


_NAME = Form(says="small letters, digits and _, a letter first", such_as="first_call", mend=_joined("_"))

FORMS: Mapping[str, Form] = {
    r"^[a-z][a-z0-9_]*$": _NAME,
    r"^[a-z][a-z0-9_]{0,39}$": _NAME,
    r"^[a-z][a-z0-9-]{0,59}$": Form(
        says="small letters, digits and hyphens, a letter first", such_as="price-increase", mend=_joined("-")
    ),
    r"^account\.[a-z][a-z0-9_]{0,39}$": Form(
        says="account. and a name of small letters, digits and _", such_as="account.last_qbr", mend=_of_account
    ),
    r"^(account|contact|metrics|(record|event) [a-z][a-z0-9_]{0,39})$": Form(
        says="account, contact, metrics, record NAME or event NAME", such_as="event usage"
    ),
    r"^[^/\\][^\\]*$": Form(
        says="a path inside the folder, with /", such_as="data/usage.csv",
        mend=lambda value: value.replace("\\", "/").lstrip("/"),
    ),
    r"^[A-Z][A-Z0-9_]{0,99}$": Form(
        says="the name of an environment variable", such_as="CRM_SECRET",
        mend=lambda value: _joined("_")(value).upper(),
    ),
    r"^[A-Za-z_][\w.]*$": Form(says="the name of a table", such_as="public.accounts"),
    r"^([01]\d|2[0-3]):[0-5]\d$": Form(says="a time of day from 00:00 to 23:59", such_as="08:30", mend=_clock),
}  # fmt: skip


def in_words(pattern: str, value: str) -> tuple[str, str]:
    """What a value that misses a pattern should be, and a hint: the value mended where that can be done."""
    form = FORMS[pattern]
    mended = form.mend(value)
    return f"expected {form.says}", f"write {mended if re.search(pattern, mended, re.ASCII) else form.such_as}"
