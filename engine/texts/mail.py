"""Fills in one mail for one recipient: subject, preheader, HTML and plain text from the same Markdown."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.texts.document import MailText
from engine.texts.filters import show
from engine.texts.layout import page
from engine.texts.scale import Scale, scale_html, scale_plain
from engine.texts.templates import fill, render_line
from engine.values import Value

if TYPE_CHECKING:
    import css_inline
    from markdown_it.token import Token


class Letterhead(Value):
    """What is on every mail of a workspace, whatever it says."""

    sender_name: str
    postal_address: str
    """In lines; the law of most countries asks for it."""
    unsubscribe_url: str | None = None
    """Shown at the foot; None for transactional mail."""


class RenderedMail(Value):
    """A mail as its recipient will see it."""

    subject: str
    preheader: str
    html: str
    plain: str


class FilledText(Value):
    """A mail's text with its values in place, as a reviewer may edit it."""

    subject: str
    preheader: str = ""
    body: str
    """Markdown, in which values stand as text."""


def render_mail(
    text: MailText,
    values: Mapping[str, Any],
    letterhead: Letterhead,
    *,
    scale: Scale | None = None,
    language: str = "en",
) -> RenderedMail:
    """Raises RenderError, naming the value, when the text cannot be filled in. `values` by full name."""
    from engine.texts.markdown import Words, parse_markdown

    subject, preheader = render_line(text.subject, values), render_line(text.preheader, values)
    words = Words(text.body)
    tokens = parse_markdown(fill(text.body, values, words.stand_in), words)
    return _rendered(subject, preheader, tokens, letterhead, scale, language)


def fill_mail(text: MailText, values: Mapping[str, Any]) -> FilledText:
    """The text for a reviewer; raises RenderError as `render_mail` does."""
    return FilledText(
        subject=render_line(text.subject, values),
        preheader=render_line(text.preheader, values),
        body=fill(text.body, values, _literal),
    )


def render_filled(text: FilledText, letterhead: Letterhead, *, language: str = "en") -> RenderedMail:
    """What a reviewer has approved, set as a mail: nothing in it is a template any more."""
    from engine.texts.markdown import Words, parse_markdown

    tokens = parse_markdown(text.body, Words(text.body))
    return _rendered(text.subject, text.preheader, tokens, letterhead, None, language)


def _literal(value: Any) -> str:
    """A value as Markdown that means nothing but its characters."""
    return _MARKUP.sub(r"\\\1", " ".join(show(value).split()))


_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def _rendered(  # noqa: PLR0917 - in the order they stand on the mail
    subject: str, preheader: str, tokens: "list[Token]", letterhead: Letterhead, scale: Scale | None, language: str
) -> RenderedMail:
    from engine.texts.markdown import to_html, to_plain

    html = page(
        title=subject,
        preheader=preheader,
        content=to_html(tokens) + (scale_html(scale) if scale else ""),
        sender=letterhead.sender_name,
        postal_address=letterhead.postal_address,
        unsubscribe_url=letterhead.unsubscribe_url,
        language=language,
    )
    below = f"{scale_plain(scale)}\n" if scale else ""
    plain = f"{to_plain(tokens)}\n{below}{_plain_foot(letterhead)}"
    return RenderedMail(subject=subject, preheader=preheader, html=_inliner().inline(html), plain=plain)


def _plain_foot(letterhead: Letterhead) -> str:
    # Mailboxes know "-- " as the beginning of what is not part of the message.
    lines = ["-- ", letterhead.sender_name, *letterhead.postal_address.splitlines()]
    if letterhead.unsubscribe_url:
        lines += ["", f"Unsubscribe: {letterhead.unsubscribe_url}"]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=1)
def _inliner() -> "css_inline.CSSInliner":
    import css_inline

    return css_inline.CSSInliner(load_remote_stylesheets=False)
