"""Fills in one mail for one recipient: subject, preheader, HTML and plain text from the same Markdown."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.texts.document import MailText
from engine.texts.layout import page
from engine.texts.templates import fill, render_line
from engine.values import Value

if TYPE_CHECKING:
    import css_inline


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


def render_mail(text: MailText, values: Mapping[str, Any], letterhead: Letterhead) -> RenderedMail:
    """Raises RenderError, naming the value, when the text cannot be filled in. `values` by full name."""
    from engine.texts.markdown import Words, parse_markdown, to_html, to_plain

    subject, preheader = render_line(text.subject, values), render_line(text.preheader, values)
    words = Words(text.body)
    tokens = parse_markdown(fill(text.body, values, words.stand_in), words)
    html = page(
        title=subject,
        preheader=preheader,
        content=to_html(tokens),
        sender=letterhead.sender_name,
        postal_address=letterhead.postal_address,
        unsubscribe_url=letterhead.unsubscribe_url,
    )
    plain = f"{to_plain(tokens)}\n{_plain_foot(letterhead)}"
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
