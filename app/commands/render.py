"""`tenure render`: a mail as its recipient would read it, before anybody sends it."""

import sys
from pathlib import Path

from app.drafts import Broken
from app.grounds import grounds
from app.running import FINDINGS, UsageError, say
from app.tables import clean, clean_lines
from engine.locales import in_locale
from engine.problems import did_you_mean
from engine.texts.filters import RenderError
from engine.texts.preview import preview_mail

FORMATS = ("text", "html", "source")


def render_template(
    where: str, *, account: str | None, form: str, locale: str | None, out: Path | None, home: Path | None
) -> int:
    """1 when a value is missing that the text needs."""
    playbook, slash, template = where.rstrip("/").rpartition("/")
    if not slash or not playbook:
        raise UsageError(f"{where!r} names no mail; write it like risk-recovery/checking-in")
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; {did_you_mean(form, FORMATS)}")
    try:
        with grounds(playbook.removesuffix("/emails"), account, None, home) as found:
            name = template.removesuffix(".md")
            others = {one.rpartition(".")[2]: one for one in found.named if one.startswith(f"{name}.")}
            key = in_locale(others, locale or found.account.field("account.locale"), name)
            mail = found.named.get(key)
            if mail is None:
                raise UsageError(f'no step sends a mail "{name}"; {did_you_mean(name, tuple(found.named))}')
            values = {**found.texts.people(""), **found.account.values}
            if not found.invented:
                values |= _recipient(found.workspace.roles.contacts, values)
            if role := found.senders.get(name):
                values |= {f"sender.{word}": values.get(f"{role}.{word}") for word in _WORDS}
            language = next((one for one, other in others.items() if other == key), None)
            rendered = preview_mail(mail, values, found.workspace, language=language, asks=found.surveys.get(name))
    except Broken:
        return FINDINGS
    except RenderError as error:
        say(f"this mail cannot be written for {account or 'the invented account'}: {error}")
        return FINDINGS
    source = f"---\nsubject: {mail.subject}\npreheader: {mail.preheader}\n---\n{mail.body}"
    content = {"html": rendered.html, "source": source}.get(form)
    if content is None:
        content = f"Subject: {rendered.subject}\nPreview: {rendered.preheader}\n\n{rendered.plain}"
    if out is None:
        sys.stdout.write(clean_lines(content) + "\n")
    else:
        _write(out, rendered.html if form == "text" and out.suffix in (".html", ".htm") else content)
    say(f"subject: {clean(rendered.subject)} ({len(rendered.subject)} characters), for {clean(found.name)}")
    return 0


_WORDS = ("name", "first_name", "email")


def _recipient(roles: object, values: dict[str, object]) -> dict[str, object]:
    """A preview is read by the first role's contact."""
    first = next(iter(roles), "") if isinstance(roles, dict) else ""
    return {f"recipient.{word}": values.get(f"contact.{first}.{word}") for word in _WORDS}


def _write(out: Path, content: str) -> None:
    try:
        out.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})") from error
    say(f"written to {out}")
