"""Reads and checks a mail text: YAML front matter between two lines of `---`, then the body in Markdown with Jinja.

Jinja is imported where the first template is looked at.
"""

import re
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Literal

from pydantic import Field

from engine.documents.document import Document, load_document, read_model
from engine.problems import DocumentError, Problem, Spot, did_you_mean
from engine.values import Value, canonical_json, content_hash

Category = Literal["service", "marketing", "transactional"]

_RULE = re.compile(r"---[ \t]*")
_LINK = re.compile(r"\]\(\s*<?([^\s()<>]*)")
_WEB = re.compile(r"https?://[^/]|mailto:|\{\{|\{%", re.IGNORECASE)


class MailText(Value):
    """One mail as its author wrote it; immutable, and known by its hash."""

    subject: str
    preheader: str = ""
    category: Category = "service"
    question: str = ""
    """What a survey asks, where the mail is one."""
    topic: str | None = None
    """What recipients can leave; by default what the category has."""
    body: str

    @cached_property
    def hash(self) -> str:
        return content_hash(canonical_json(self))

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The names of all values it needs, sorted."""
        from engine.texts.syntax import names_in

        names = {name for part in (self.subject, self.preheader, self.question, self.body) for name in names_in(part)}
        return tuple(sorted(names))


class FrontMatter(Value):
    """What stands above the body."""

    subject: str = Field(min_length=1, description="one line; may hold {{ fields }}")
    preheader: str = Field("", description="the line that mailboxes show beside the subject")
    question: str = Field("", description="of a survey: what is asked, in one line")
    category: Category = Field("service", description="service (default), marketing, or transactional")
    topic: str | None = Field(
        None, description="a topic of tenure.yaml, which recipients can leave; default: the category"
    )


def load_text(text: str | bytes, file: str, known: Collection[str], topics: Collection[str] = ()) -> MailText:
    """Read and check one mail text; raises DocumentError with every problem, each at its line and column.

    `known`: the names that templates may use (see engine.texts.names.known_names); `topics`: what a text may belong to.
    """
    decoded = _decoded(text, file)
    front, body, first_line = _cut(decoded, file)
    document = load_document(front, file)
    matter = read_model(FrontMatter, document)
    problems = [
        *_line_problems(matter.subject, "subject", document, known),
        *_line_problems(matter.preheader, "preheader", document, known),
        *_line_problems(matter.question, "question", document, known),
        *_topic_problems(matter, document, topics),
        *_body_problems(body, file, first_line, known),
    ]
    if problems:
        raise DocumentError(problems)
    return MailText(**matter.model_dump(), body=body)


def places_in(text: bytes, file: str) -> Callable[[str, int], Spot]:
    """Of a text that was read before: where character n of a key of its front matter stands, or of its `body`."""
    front, body, first_line = _cut(_decoded(text, file), file)
    document = load_document(front, file)
    below = _in_body(body, file, first_line)
    return lambda key, offset: below(offset) if key == "body" else document.within((key,), offset)


def spot_in(text: bytes, file: str, key: str) -> Spot:
    """Where a key of the front matter stands in a text that was read before, or the front matter's first line."""
    front, _, _ = _cut(_decoded(text, file), file)
    return load_document(front, file).spot((key,))


def _decoded(text: str | bytes, file: str) -> str:
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text.encode("utf-8").decode("utf-8")
    except UnicodeError:
        raise _refused(file, 1, "PB005", "the file is not UTF-8 text", "save it as UTF-8") from None
    return decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _cut(text: str, file: str) -> tuple[str, str, int]:
    """Front matter with its opening rule, so that YAML counts lines as the file does; the body; its first line."""
    lines = text.split("\n")
    hint = "begin with ---, subject: …, --- and write the mail below"
    if not _RULE.fullmatch(lines[0]):
        raise _refused(file, 1, "PB401", "a mail text begins with a line of ---", hint)
    for number, line in enumerate(lines[1:], start=1):
        if _RULE.fullmatch(line):
            return "\n".join(["---", *lines[1:number]]) + "\n", "\n".join(lines[number + 1 :]), number + 2
    raise _refused(file, len(lines), "PB401", "the front matter has no second line of ---", hint)


def _line_problems(text: str, key: str, document: Document, known: Collection[str]) -> list[Problem]:
    from engine.texts.syntax import check_template

    problems = check_template(text, known, lambda offset: document.within((key,), offset), line=True)
    if "\n" in text.strip():
        at = document.spot((key,))
        problems.append(Problem(code="PB408", spot=at, message=f"the {key} is one line", hint="join its lines"))
    return problems


def _topic_problems(matter: FrontMatter, document: Document, topics: Collection[str]) -> list[Problem]:
    if matter.topic is None:
        return []
    at = document.spot(("topic",))
    if matter.category == "transactional":
        says = "transactional mail asks for no consent, so it has no topic"
        return [Problem(code="PB323", spot=at, message=says, hint="leave one of them out")]
    if matter.topic in topics:
        return []
    hint = did_you_mean(matter.topic, topics)
    return [Problem(code="PB323", spot=at, message=f'there is no topic "{matter.topic}"', hint=hint)]


def _body_problems(body: str, file: str, first_line: int, known: Collection[str]) -> list[Problem]:
    from engine.texts.syntax import check_template

    spot = _in_body(body, file, first_line)
    if not body.strip():
        return [
            Problem(code="PB402", spot=spot(0), message="the mail has no body", hint="write it below the second ---")
        ]
    problems = check_template(body, known, spot)
    hint = "write https://…, mailto:… or {{ a field that holds an address }}"
    links = (found for found in _LINK.finditer(body) if not _WEB.match(found[1]))
    problems += [
        Problem(
            code="PB409",
            spot=spot(found.start(1)),
            message=f'"{found[1][:80]}" is not a web or mail address',
            hint=hint,
        )
        for found in links
    ]
    return problems


def _in_body(body: str, file: str, first_line: int) -> Callable[[int], Spot]:
    def spot(offset: int) -> Spot:
        before = body[:offset]
        line = first_line + before.count("\n")
        return Spot(file=file, line=line, column=len(before) - before.rfind("\n"), path="body")

    return spot


def _refused(file: str, line: int, code: str, message: str, hint: str) -> DocumentError:
    return DocumentError([Problem(code=code, spot=Spot(file=file, line=line), message=message, hint=hint)])
