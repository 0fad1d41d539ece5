"""docs/problems.md as tests read it: for each code a bad example, what `tenure check` says of it, and a good one.

A section begins with `### CODE`. Its first blocks are the bad example, each fenced as ```yaml FILE or ```markdown FILE;
then a ```text block has what is said; the blocks behind it are the good example. Of a YAML file a block shows whole
top-level keys; all others are those of a small workspace. After editing an example or a message, write what is said
anew with: python -m tests.problem_pages
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.reports.human import told
from engine.documents.document import load_document
from engine.imports import Reader, read_table
from engine.problems import DocumentError, Problem
from engine.project import read_project
from engine.workspace import load_workspace

PAGE = Path(__file__).resolve().parents[1] / "docs" / "problems.md"

WORKSPACE: Mapping[str, str] = {
    "tenure.yaml": """\
name: Example
zone: Europe/Berlin
sender: { name: Team, address: team@company.example }
postal_address: Example Street 1
roles:
  contacts: { champion: [champion, any], admin: [admin, champion, any] }
  staff: { csm: account.csm, csm.manager: manager of csm }
people: [{ key: ada, name: Ada Lindqvist, email: ada@company.example }]
fields:
  account.segment: { type: choice, of: [enterprise, self-serve] }
  account.note: text
  account.seats: number
  account.last_qbr: date
records: { subscription: { arr: number } }
events: { login: { device: text } }
metrics: { logins: "count(event.login, 30 days)", nps: number }
imports:
  accounts: { file: accounts.csv, as: account, id: id, at: since, fields: { account.name: name } }
  scores: { file: scores.csv, as: metrics, account: account, at: day, fields: { nps: nps } }
connectors:
  email: { provider: stored }
  billing: { kind: webhook, provider: http, url_env: BILLING_URL }
""",
    "scorecards/health.yaml": """\
scorecard: health
components: [{ id: nps, metric: nps, scale: { 0: 0, 10: 100 }, weight: 1 }]
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
minimum_known: 50%
""",
    "rescue/playbook.yaml": """\
playbook: rescue
title: Rescue
triggers: [{ score: health, falls_below: 40 }]
steps:
  - id: call
    task: { title: Call them, assign: csm, due: 2 days, outcomes: [reached, lost] }
  - id: mail
    email: { template: hello, to: champion }
""",
    "rescue/emails/hello.md": "---\nsubject: Hello\n---\nHow are you?\n",
}
"""What the examples stand in. `FILE` means a file of the playbook's folder unless it lies in the workspace's own."""
CALLED = {"playbook.yaml", "scenarios.yaml"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block and the file it is part of."""

    file: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the page says of one code."""

    code: str
    bad: Sequence[Block]
    says: str
    good: Sequence[Block]


_FENCED = re.compile(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: str) -> Iterator[Section]:
    for found in re.finditer(r"^### (PB\d{3})\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL):
        blocks = [(kind, Block(file=file, text=text)) for kind, file, text in _FENCED.findall(found[2])]
        said = [i for i, (kind, _) in enumerate(blocks) if kind == "text"]
        at = said[0] if said else len(blocks)
        yield Section(
            code=found[1],
            bad=[block for _, block in blocks[:at]],
            says=blocks[at][1].text if said else "",
            good=[block for _, block in blocks[at + 1 :]],
        )


def found_in(blocks: Iterable[Block]) -> tuple[list[Problem], Mapping[str, bytes]]:
    """The problems of the small workspace with these blocks in it, and its files."""
    files = dict(WORKSPACE)
    for block in blocks:
        path = f"rescue/{block.file}" if block.file in CALLED or block.file.startswith("emails/") else block.file
        files[path] = _laid_over(files.get(path, ""), block.text) if path.endswith(".yaml") else block.text
    tables = {path: text for path, text in files.items() if path.endswith(".csv")}
    content = {path: text.encode() for path, text in files.items()}
    if tables:
        return _imported(content, tables), content
    return list(read_project(content).problems), content


def _laid_over(base: str, text: str) -> str:
    """The text, and below it the keys of the base that it leaves out."""
    try:
        data = load_document(text, "").data
    except DocumentError:
        return text
    parts = re.findall(r"^[^\s#][^\n]*\n(?:[ \t#-][^\n]*\n|\n)*", base, re.MULTILINE)
    keys = data if isinstance(data, dict) else {}
    return text + "".join(part for part in parts if part.partition(":")[0] not in keys)


def _imported(files: Mapping[str, bytes], tables: Mapping[str, str]) -> list[Problem]:
    workspace = load_workspace(files)
    read = {path: read_table(text, path) for path, text in tables.items()}
    whole = {one.name: read[one.file] for one in workspace.imports if one.file in read}
    blocks = list(Reader(workspace, whole).blocks())
    return [problem for block in blocks for problem in (*block.problems, *(one.problem for one in block.rejected))]


def said_of(blocks: Iterable[Block]) -> str:
    """What `tenure check` prints, with files as the playbook's folder knows them."""
    problems, files = found_in(blocks)
    texts = [told(one, files.get(one.spot.file, b"").decode().split("\n")) for one in problems]
    return "".join(f"{text}\n" for text in texts)


def _rewritten(page: str) -> str:
    for section in sections(page):
        if section.says and not_a_file(section):
            continue
        says = said_of(section.bad)
        if says != section.says and says:
            head = f"### {section.code}\n"
            start = page.index(head)
            at = page.index("```text\n", start)
            end = page.index("```\n", at + 8)
            page = page[: at + 8] + says + page[end:]
    return page


def not_a_file(section: Section) -> bool:
    """Whether only a database knows: what is said is then an example that no test repeats here."""
    return section.code in ("PB523", "PB524", "PB525")


if __name__ == "__main__":
    PAGE.write_text(_rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
