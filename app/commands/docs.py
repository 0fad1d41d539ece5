"""`tenure docs`: the language, word by word, without a network, made from what carries it out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.pages import page, section
from app.running import UsageError, show_list
from app.tables import cells
from engine.authoring.reference import GROUPS, Key, Word, reference
from engine.documents.yaml_spans import Span, spans_of
from engine.problems import did_you_mean

_ENVIRONMENT = "environment"
_GROUPS = {**GROUPS, _ENVIRONMENT: "environment variables"}
FORMATS = ("human", "markdown", "json")


def show_docs(word: str | None, form: str, *, as_json: bool) -> None:
    """All words with a line each, or one word in full (a group's name shows its words)."""
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")
    form = "json" if as_json else form
    every = all_words()
    if word is None:
        _list(every, form)
        return
    named = [one for one in every if one.name.lower() == word.lower()]
    ending = [one for one in every if one.name.lower().endswith(f".{word.lower()}")]
    grouped = [one for one in every if word.lower() in (one.group, f"{one.group}s")]
    if not (found := named or grouped or ending):
        known = dict.fromkeys([*(one.name for one in every), *(f"{group}s" for group in _GROUPS)])
        raise UsageError(f'there is no word "{word}"; {did_you_mean(word, known)}')
    if not named and grouped:
        _list(found, form)
    elif form == "json":
        show_list(found)
    else:
        print("\n".join((_markdown if form == "markdown" else _human)(one) for one in found), end="")


def all_words() -> list[Word]:
    """The language's words with their examples, and the environment's."""
    found = [replace(one, example=one.example or _example(one)) for one in reference()]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$", page("operating.md"), re.MULTILINE)
    told = (says + ("" if default == "none" else f"; default: {default}") for _, default, says in rows)
    return [*found, *(Word(group=_ENVIRONMENT, name=row[0], says=says) for row, says in zip(rows, told, strict=True))]


# --- examples, out of the pages that tests keep true ----------------------------------------------------------------


def _example(word: Word) -> str:
    """How it is written; empty where the pages were not installed."""
    match word.group:
        case "code":
            return section(word.name)
        case "step" | "trigger":
            return next((text for block in _blocks() if (text := _item(block, word))), "")
        case "playbook" | "tenure" | "scorecard":
            first = {"playbook": "playbook", "tenure": "name", "scorecard": "scorecard"}[word.group]
            blocks = [one for one in _blocks() if one.startswith(f"{first}:")] + list(_blocks())
            return next((text for block in blocks if (text := _top(block, word.name))), "")
        case "scenario":
            blocks = [one for one in _blocks() if one.startswith("scenarios:")]
            return next((text for block in blocks if (text := _within(block, word.name))), "")
    return ""


def _blocks() -> Sequence[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", page("playbooks.md"), re.MULTILINE | re.DOTALL)


def _item(block: str, word: Word) -> str:
    """The first item of a list of steps or triggers that has the word's key."""
    below = "triggers" if word.group == "trigger" else "steps"
    whole = spans_of(block)
    top = next((value for key, value in (whole.entries or () if whole else ()) if key.value == below), None)
    for item in _below(top) if top else ():
        if any(key.value == word.name for key, _ in item.entries or ()):
            return _lines(block, item)
    return ""


def _below(span: Span) -> Iterator[Span]:
    """Every mapping at or below, the nearest first."""
    waiting = [span]
    while waiting:
        one = waiting.pop(0)
        if one.entries is not None:
            yield one
        waiting += [*(one.items or ()), *(value for _, value in one.entries or ())]


def _top(block: str, name: str) -> str:
    whole = spans_of(block)
    for key, value in whole.entries or () if whole else ():
        if key.value == name:
            return _lines(block, Span(key.start, max(value.end, key.end)))
    return ""


def _within(block: str, name: str) -> str:
    whole = spans_of(block)
    for one in _below(whole) if whole else ():
        for key, value in one.entries or ():
            if key.value == name:
                return _lines(block, Span(key.start, max(value.end, key.end)))
    return ""


def _lines(block: str, span: Span) -> str:
    """The whole lines of a span, moved to the left."""
    start = block.rfind("\n", 0, span.start) + 1
    end = block.find("\n", max(span.end - 1, span.start))
    lines = block[start : len(block) if end < 0 else end].rstrip().split("\n")
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines)


# --- forms ----------------------------------------------------------------------------------------------------------


def _list(found: Sequence[Word], form: str) -> None:
    if form == "json":
        show_list(found)
        return
    if form == "markdown":
        print("\n".join(map(_markdown, found)), end="")
        return
    for group, says in _GROUPS.items():
        rows = [(f"  {one.name}", one.says) for one in found if one.group == group]
        if rows:
            print(("" if found[0].group == group else "\n") + f"{says} ({group})")
            _rows(rows)


def _rows(rows: Sequence[tuple[str, str]]) -> None:
    width = max(cells(name) for name, _ in rows)
    for name, says in rows:
        print(f"{name}{' ' * (width - cells(name))}  {says}".rstrip())


def _human(word: Word) -> str:
    lines = [f"{word.name} ({word.group}): {word.says}", ""]
    width = max((cells(key.name) for key in word.keys), default=0)
    for key in word.keys:
        lines.append(f"  {key.name}{' ' * (width - cells(key.name))}  {key.says}")
        lines.append(f"  {' ' * width}  {_facts(key)}")
    if word.example and word.group != "code":
        lines += ["", *(f"    {line}".rstrip() for line in word.example.split("\n"))]
    elif word.example:
        lines += word.example.split("\n")
    return "\n".join(lines).rstrip() + "\n"


def _facts(key: Key) -> str:
    need = "needed" if key.required else f"default: {key.default}" if key.default else "optional"
    return f"{key.type}; {need}"


def _markdown(word: Word) -> str:
    lines = [f"## `{word.name}` ({word.group})", "", f"{word.says[:1].upper()}{word.says[1:]}.", ""]
    if word.keys:
        lines += ["| key | what | default | meaning |", "|---|---|---|---|"]
        for key in word.keys:
            kind = key.type.replace("|", "\\|")
            need = "needed" if key.required else key.default
            lines.append(f"| `{key.name}` | {kind} | {need} | {key.says.replace('|', chr(92) + '|')} |")
        lines.append("")
    if word.example and word.group == "code":
        lines += [word.example, ""]
    elif word.example:
        lines += ["```yaml" if word.keys else "```", word.example, "```", ""]
    return "\n".join(lines) + "\n"
