"""Shows a mail before anybody sends it: with stand-ins for the links that only a mail on its way has."""

from collections.abc import Mapping
from typing import Any

from engine.surveys import SCALES, Kind
from engine.texts.document import MailText
from engine.texts.mail import Letterhead, RenderedMail, render_mail
from engine.texts.scale import Scale
from engine.texts.templates import render_line
from engine.workspace import Workspace

_PLACE = "https://link.example"
"""Nobody lives there."""


def preview_mail(
    text: MailText,
    values: Mapping[str, Any],
    workspace: Workspace,
    *,
    language: str | None = None,
    asks: Kind | None = None,
) -> RenderedMail:
    """As its recipient would read it; raises RenderError as `render_mail` does.

    `language`: that of the text, by default the workspace's first; `asks`: what the survey asks, where the mail is one.
    """
    language = language or next(iter(workspace.locales), "en")
    letterhead = Letterhead(
        sender_name=workspace.name,
        postal_address=workspace.postal_address or "",
        unsubscribe_url=None if text.category == "transactional" else f"{_PLACE}/unsubscribe",
        preferences_url=None if text.category == "transactional" else f"{_PLACE}/preferences",
    )
    scale = _scale(asks, render_line(text.question, values, language), language) if asks else None
    return render_mail(text, values, letterhead, scale=scale, language=language)


def _scale(asks: Kind, question: str, language: str) -> Scale:
    scale = SCALES[asks]
    low, high = scale.ends(language)
    links = {score: f"{_PLACE}/survey?score={score}" for score in scale.scores}
    return Scale(question=question or scale.says(language), low=low, high=high, links=links, language=language)
