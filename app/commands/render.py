"""`tenure render`: a mail as its recipient would read it, before anybody sends it."""

import sys
from pathlib import Path

from app.drafts import Broken
from app.previews import preview
from app.running import FINDINGS, UsageError, say
from app.tables import clean, clean_lines
from engine.problems import did_you_mean
from engine.texts.filters import RenderError

FORMATS = ("text", "html", "source")


def render_template(
    where: str, *, account: str | None, form: str, locale: str | None, out: Path | None, home: Path | None
) -> int:
    """1 when a value is missing that the text needs."""
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; {did_you_mean(form, FORMATS)}")
    try:
        found = preview(where, account=account, locale=locale, home=home)
    except Broken:
        return FINDINGS
    except RenderError as error:
        say(f"this mail cannot be written for {account or 'the invented account'}: {error}")
        return FINDINGS
    mail, rendered = found.text, found.rendered
    source = f"---\nsubject: {mail.subject}\npreheader: {mail.preheader}\n---\n{mail.body}"
    content = {"html": rendered.html, "source": source}.get(form)
    if content is None:
        content = f"Subject: {rendered.subject}\nPreview: {rendered.preheader}\n\n{rendered.plain}"
    if out is None:
        sys.stdout.write(clean_lines(content) + "\n")
    else:
        _write(out, rendered.html if form == "text" and out.suffix in (".html", ".htm") else content)
    say(f"subject: {clean(rendered.subject)} ({len(rendered.subject)} characters), for {clean(found.account)}")
    return 0


def _write(out: Path, content: str) -> None:
    try:
        out.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})") from error
    say(f"written to {out}")
