"""The shipped playbooks as templates: which there are, and what a copy needs from a workspace that lacks its words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from app.files import WORKSPACE_FILE, read_folder
from engine.authoring.formatting import formatted
from engine.authoring.schema import modeline
from engine.documents.document import load_document
from engine.documents.yaml_spans import Span, spans_of
from engine.problems import did_you_mean
from engine.project import PLAYBOOK_FILE, SCENARIOS_FILE

FOLDER = Path(__file__).resolve().parents[1] / "playbooks"
_SECTIONS = (
    ("roles", "contacts"),
    ("roles", "staff"),
    ("fields",),
    ("records",),
    ("events",),
    ("metrics",),
    ("feeds",),
    ("connectors",),
)
"""Where a workspace declares words, in the order in which they are added."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A shipped playbook."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What a new playbook comes to: files by path inside the workspace, and what was declared for it."""

    files: Mapping[str, bytes]
    workspace: bytes
    """tenure.yaml with what was missing."""
    declared: tuple[str, ...]


@cache
def _shipped() -> Mapping[str, bytes]:
    return read_folder(FOLDER)


def templates() -> tuple[Template, ...]:
    """All of them, by name."""
    found = []
    for path, content in sorted(_shipped().items()):
        if path.endswith(f"/{PLAYBOOK_FILE}"):
            data = load_document(content, path).data
            found.append(Template(name=path.split("/")[-2], title=str(data["title"])))
    return tuple(found)


def find_template(word: str) -> Template | str:
    """The template of that name, or the only one that begins so; else what to say."""
    known = templates()
    exact = [one for one in known if one.name == word] or [one for one in known if one.name.startswith(word)]
    if len(exact) == 1:
        return exact[0]
    names = [one.name for one in known]
    return f'there is no template "{word}"; {did_you_mean(word, names)}'


def copy(template: Template, name: str, workspace: Mapping[str, bytes]) -> Copy:
    """The template as the playbook `name` of a workspace, given its files; both were read without problems."""
    shipped = _shipped()
    home = next(path for path in shipped if path.endswith(f"{template.name}/{PLAYBOOK_FILE}")).rpartition("/")[0]
    ours = load_document(workspace[WORKSPACE_FILE], WORKSPACE_FILE).data
    theirs = load_document(shipped[WORKSPACE_FILE], WORKSPACE_FILE).data
    sender = ours.get("sender") or {}
    files: dict[str, bytes] = {}
    for path, content in shipped.items():
        if path.startswith(f"{home}/"):
            inside = path.removeprefix(f"{home}/")
            text = content.decode().replace(str(theirs["name"]), str(ours["name"]))
            if inside == PLAYBOOK_FILE:
                text = _renamed(text, {"playbook": name, "owner": str(sender.get("address", ""))})
            files[f"playbooks/{name}/{inside}"] = (_modeline(inside, text) + text).encode()
    if not any(path.startswith("scorecards/") for path in workspace):
        files |= {path: content for path, content in shipped.items() if path.startswith("scorecards/")}
    declared, text = _declared(files, workspace[WORKSPACE_FILE].decode(), shipped[WORKSPACE_FILE].decode())
    return Copy(files=files, workspace=text.encode(), declared=declared)


def _modeline(inside: str, text: str) -> str:
    names = {PLAYBOOK_FILE: "playbook", SCENARIOS_FILE: "scenarios"}
    return modeline(names[inside], 2) if inside in names and "yaml-language-server" not in text else ""


def _renamed(text: str, values: Mapping[str, str]) -> str:
    """The text with other values for some keys at its top; a key without a value is left out."""
    whole = spans_of(text)
    assert whole is not None
    for key, value in reversed(whole.entries or []):
        if key.value in values:
            new = values[str(key.value)]
            line_end = text.find("\n", value.end) + 1
            text = text[: value.start] + new + text[value.end :] if new else text[: key.start] + text[line_end:]
    return text


# --- words the workspace lacks --------------------------------------------------------------------------------------


def _declared(files: Mapping[str, bytes], ours: str, theirs: str) -> tuple[tuple[str, ...], str]:
    """What of the library's words the files use and the workspace lacks, and the workspace with it."""
    used = "\n".join(content.decode() for content in files.values())
    added: dict[str, None] = {}
    neat = formatted(ours, WORKSPACE_FILE, "tenure") == ours
    while found := next(_missing(used, ours, theirs), None):
        section, key, entry = found
        added[".".join((*section, key))] = None
        ours = _with_entry(ours, section, entry)
        used += "\n".join(entry)
    return tuple(added), formatted(ours, WORKSPACE_FILE, "tenure") if neat else ours


def _missing(used: str, ours: str, theirs: str) -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    for section in _SECTIONS:
        known = {str(key.value) for key, _ in (_section(ours, section) or _NOTHING).entries or ()}
        for key, value in (_section(theirs, section) or _NOTHING).entries or ():
            word = re.escape(str(key.value).removeprefix("account."))
            if key.value not in known and re.search(rf"(?<![\w-]){word}(?![\w-])", used):
                yield section, str(key.value), _source(theirs, key, value)


_NOTHING = Span(0, 0)

# Both workspaces are asked section by section, and one of them changes with every word that is added.
_spans = lru_cache(maxsize=2)(spans_of)


def _section(text: str, section: tuple[str, ...]) -> Span | None:
    span = _spans(text)
    for name in section:
        span = next((value for key, value in (span.entries if span else None) or () if key.value == name), None)
    return span


def _source(text: str, key: Span, value: Span) -> list[str]:
    """An entry's lines without their indentation, comments beside them left behind."""
    start = text.rfind("\n", 0, key.start) + 1
    indent = key.start - start
    lines = text[start : max(value.end, key.end)].rstrip().split("\n")
    if text[start : key.start].strip():  # in braces, on a line with others
        return [text[key.start : value.end]]
    return [line[indent:] for line in lines]


def _with_entry(text: str, section: tuple[str, ...], entry: list[str]) -> str:
    span = _section(text, section)
    if span is not None and span.flow:
        text, span = _opened(text, section, span)
    if span is None or not span.entries:
        if len(section) > 1:
            return _with_entry(text, section[:-1], [f"{section[-1]}:", *(f"  {line}" for line in entry)])
        return text.rstrip("\n") + f"\n\n{section[0]}:\n" + "".join(f"  {line}\n" for line in entry)
    first, last = span.entries[0][0], span.entries[-1]
    indent = first.start - text.rfind("\n", 0, first.start) - 1
    end = max(last[1].end, last[0].end)
    while end > last[0].end and text[end - 1] in " \n":
        end -= 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    new = "".join(f"\n{' ' * indent}{line}" for line in entry)
    return text[:line_end] + new + text[line_end:]


def _opened(text: str, section: tuple[str, ...], span: Span) -> tuple[str, Span | None]:
    """A section in braces, written on lines of its own."""
    start = text.rfind("\n", 0, span.start) + 1
    indent = " " * (len(text[start:]) - len(text[start:].lstrip(" ")) + 2)
    entries = "".join(f"\n{indent}{text[key.start : value.end]}" for key, value in span.entries or ())
    text = text[: span.start].rstrip(" ") + entries + text[span.end :]
    return text, _section(text, section)
