"""Mail texts and one-line templates: read and checked at load time, filled with one account's values at send time."""

from engine.texts.document import MailText, load_text
from engine.texts.mail import Letterhead, RenderedMail, render_mail
from engine.texts.names import known_names
from engine.texts.syntax import check_template, names_in
from engine.texts.templates import RenderError, render_line

__all__ = [
    "Letterhead",
    "MailText",
    "RenderError",
    "RenderedMail",
    "check_template",
    "known_names",
    "load_text",
    "names_in",
    "render_line",
    "render_mail",
]
