"""Fills in one mail for one recipient: subject, preheader, HTML and plain text from the same Markdown."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.phrases import direction_of, phrases_for
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
    preferences_url: str | None = None
    """Where the recipient chooses what to get; shown beside it."""

    def address(self) -> tuple[str, ...]:
        """The foot's lines: the sender's name once, also where the postal address begins with it."""
        lines = tuple(line.strip() for line in self.postal_address.splitlines() if line.strip())
        return lines if lines and lines[0].startswith(self.sender_name) else (self.sender_name, *lines)

    def ways(self, language: str) -> tuple[tuple[str, str], ...]:
        """What the recipient can do about mails, in words, each with its address."""
        say = phrases_for(language)
        ways = ((say.unsubscribe, self.unsubscribe_url), (say.preferences, self.preferences_url))
        return tuple((says, url) for says, url in ways if url)


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
    through: Callable[[str], str] | None = None,
) -> RenderedMail:
    """Raises RenderError, naming the value, when the text cannot be filled in. `values` by full name.

    `scale`: stands below the text, and above its signature where the last paragraph begins with the sender's name.
    `through`: for each web link of the text, the address that its HTML leads to instead; the plain text keeps its own.
    """
    from engine.texts.markdown import Words, parse_markdown

    subject, preheader = (render_line(line, values, language) for line in (text.subject, text.preheader))
    words = Words(text.body)
    tokens = parse_markdown(fill(text.body, values, words.stand_in, language=language), words)
    place = _before_signature(text.body, tokens) if scale else len(tokens)
    parts = (tokens[:place], tokens[place:])
    return _rendered(subject, preheader, parts, letterhead, scale, language, through)


def fill_mail(text: MailText, values: Mapping[str, Any], *, language: str = "en") -> FilledText:
    """The text for a reviewer; raises RenderError as `render_mail` does."""
    return FilledText(
        subject=render_line(text.subject, values, language),
        preheader=render_line(text.preheader, values, language),
        body=fill(text.body, values, _literal, language=language),
    )


def render_filled(
    text: FilledText,
    letterhead: Letterhead,
    *,
    language: str = "en",
    through: Callable[[str], str] | None = None,
) -> RenderedMail:
    """What a reviewer has approved, set as a mail: nothing in it is a template any more."""
    from engine.texts.markdown import Words, parse_markdown

    tokens = parse_markdown(text.body, Words(text.body))
    return _rendered(text.subject, text.preheader, (tokens, []), letterhead, None, language, through)


def _literal(value: Any) -> str:
    """A value as Markdown that means nothing but its characters."""
    return _MARKUP.sub(r"\\\1", " ".join(show(value).split()))


_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


_SIGNED = re.compile(r"\{\{-?\s*sender\.")


def _before_signature(body: str, tokens: "list[Token]") -> int:
    """Where the last paragraph begins, if it is who signs; otherwise the end."""
    last = body.rstrip().rpartition("\n\n")[2].lstrip()
    opened = [i for i, token in enumerate(tokens) if token.type == "paragraph_open" and token.level == 0]
    return opened[-1] if opened and _SIGNED.match(last) else len(tokens)


def _rendered(  # noqa: PLR0917 - in the order they stand on the mail
    subject: str,
    preheader: str,
    parts: "tuple[list[Token], list[Token]]",
    letterhead: Letterhead,
    scale: Scale | None,
    language: str,
    through: Callable[[str], str] | None,
) -> RenderedMail:
    from engine.texts.markdown import lead_through, to_html, to_plain

    texts = [to_plain(tokens) if tokens else "" for tokens in parts]
    texts.insert(1, scale_plain(scale) if scale else "")
    plain = "\n".join([*(one for one in texts if one), _plain_foot(letterhead, language)])
    if through is not None:
        for tokens in parts:
            lead_through(tokens, through)
    html = page(
        title=subject,
        preheader=preheader,
        content=to_html(parts[0]) + (scale_html(scale) if scale else "") + to_html(parts[1]),
        address=letterhead.address(),
        ways=letterhead.ways(language),
        language=language,
        direction=direction_of(language),
    )
    return RenderedMail(subject=subject, preheader=preheader, html=_inliner().inline(html), plain=plain)


def _plain_foot(letterhead: Letterhead, language: str) -> str:
    ways = [f"{says}: {url}" for says, url in letterhead.ways(language)]
    # Mailboxes know "-- " as the beginning of what is not part of the message.
    return "\n".join(["-- ", *letterhead.address(), *([""] if ways else []), *ways]) + "\n"


@lru_cache(maxsize=1)
def _inliner() -> "css_inline.CSSInliner":
    import css_inline

    return css_inline.CSSInliner(load_remote_stylesheets=False)
