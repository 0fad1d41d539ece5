"""Signed addresses of public pages: who holds one may do the one thing it is for, and nobody can make up another."""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field

import sqlalchemy as sa
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.dialects.postgresql import insert

from store.postgres.statements import Statement
from store.schema import signing_key

_CLICK, _PREFERENCES, _SURVEY = "tenure.click", "tenure.preferences", "tenure.survey"
_REPLY = b"tenure.reply"
"""A signature for one purpose is worth nothing for another."""
_LONGEST_TARGET = 1_500
"""Addresses beyond two thousand characters are cut by some programs, and the token is longer than its target."""


_TARGET = re.compile(r"https?://[!-~]+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Click:
    """A link of a mail, and where it leads."""

    message_id: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who holds a link to preferences: by the address key, with the topic and language of the mail it came with."""

    key: str
    topic: str
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where public pages are reached, and the key their addresses are signed with."""

    public_url: str
    """Without a final slash."""
    key: str = field(repr=False)

    def preferences(self, address_key: str, topic: str, language: str) -> str:
        """Where a person leaves the topic of a mail, and all others, in the mail's language; names nobody."""
        token = URLSafeSerializer(self.key, salt=_PREFERENCES).dumps([address_key, topic, language])
        return f"{self.public_url}/u/{token}"

    def task(self, task_id: int) -> str:
        """The page of a task; who opens it has to sign in."""
        return f"{self.public_url}/inbox/{task_id}"

    def survey(self, survey_id: int) -> str:
        return f"{self.public_url}/s/{URLSafeSerializer(self.key, salt=_SURVEY).dumps(survey_id)}"

    def click(self, message_id: str, target: str) -> str:
        """Leads to the target past us; the target itself where it is longer, or other, than an address may be."""
        if len(target) > _LONGEST_TARGET or not _TARGET.fullmatch(target):
            return target
        return f"{self.public_url}/l/{URLSafeSerializer(self.key, salt=_CLICK).dumps([message_id, target])}"

    def reply(self, address: str, name: str) -> str:
        """The address for replies to one mail: `reply@in.corp.example` becomes `reply+TOKEN@in.corp.example`.

        `name`: what the mail is known by outside. In small letters and digits alone, since programs on the way may
        write a name before the @ as they like.
        """
        digest = hmac.digest(self.key.encode(), _REPLY + b"\n" + name.encode(), "sha256")[:20]
        local, _, domain = address.rpartition("@")
        return f"{local}+{base64.b32encode(digest).decode().lower()}@{domain}"


def survey_of(token: str, key: str) -> int | None:
    """The survey a token was made for; None for a token we did not make."""
    try:
        survey_id = URLSafeSerializer(key, salt=_SURVEY).loads(token)
    except BadData:
        return None
    return survey_id if isinstance(survey_id, int) and not isinstance(survey_id, bool) else None


def reader_of(token: str, key: str) -> Reader | None:
    """Whom a token was made for; None for a token we did not make."""
    try:
        told = URLSafeSerializer(key, salt=_PREFERENCES).loads(token)
    except BadData:
        return None
    match told:
        case [str(address_key), str(topic), str(language)]:
            return Reader(key=address_key, topic=topic, language=language)
        case [str(address_key), str(topic)]:
            # Mails from before links knew their language are still in mailboxes.
            return Reader(key=address_key, topic=topic)
    return None


def click_of(token: str, key: str) -> Click | None:
    """The link a token was made for; None for a token we did not make."""
    try:
        found = URLSafeSerializer(key, salt=_CLICK).loads(token)
    except BadData:
        return None
    match found:
        case [str(message_id), str(target)] if _TARGET.fullmatch(target):
            return Click(message_id=message_id, target=target)
    return None


def own_key(conn: sa.Connection) -> str:
    """The database's own key, made when first asked for: for installations whose settings give none."""
    known = _KEY.read_one(conn, {})
    if known is None:
        conn.execute(insert(signing_key).values(id=1, key=secrets.token_urlsafe(32)).on_conflict_do_nothing())
        [known] = _KEY.read(conn, {})
    key: str = known.key
    return key


_KEY = Statement("select key from signing_key")
