"""Pictures, trials and mail previews of playbooks as they stand on disk: nothing is deployed, no server is asked."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.command_line import make_shop, tenure


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path)[0]


@pytest.fixture
def rescue(shop: Path) -> Path:
    return shop / "playbooks/rescue"


# --- graph ---


def test_a_playbook_is_drawn_in_the_terminal(rescue: Path):
    found = tenure("graph", rescue)
    assert found.code == 0
    assert "▶ starts when  health fell below 40" in found.out
    assert "│ ☐ task call  Call [account]" in found.out


def test_the_files_name_tells_the_form(rescue: Path, tmp_path: Path):
    for name, begin in (("p.svg", "<svg"), ("p.mmd", "---\n"), ("p.dot", "digraph"), ("p.txt", "rescue: Rescue")):
        found = tenure("graph", rescue / "playbook.yaml", "--out", tmp_path / name)
        assert (found.code, found.out) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)
    assert ET.parse(tmp_path / "p.svg").getroot().get("role") == "img"


def test_a_playbook_goes_by_its_name_in_the_workspace_at_hand(shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(shop)
    assert "digraph" in tenure("graph", "rescue", "--format", "dot").out


# --- simulate ---


def test_a_trial_tells_day_by_day_what_would_happen_and_be_written(rescue: Path):
    found = tenure("simulate", rescue, "--at", "2026-03-02", "--days", "9", "--people", "call=lost@3")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "rescue on Alder & Finch, invented: 9 days from 2026-03-02"
    assert "day   0  Mon 02 Mar 2026  start        by hand" in lines
    assert "                          task         call: Call Alder & Finch  (for csm)" in lines
    assert "day   3  Thu 05 Mar 2026  done         call: lost" in lines
    assert "                          email        hello: How is Alder & Finch?  (to champion)" in lines
    assert any(line.strip() == "| How are you?" for line in lines)
    assert lines[-1].endswith("end          end: worked through")


def test_the_contacts_of_an_invented_account_want_every_mail(shop: Path, rescue: Path):
    tenure_yaml = shop / "tenure.yaml"
    text = tenure_yaml.read_text(encoding="utf-8")
    offers = "mail: { hold: 0 minutes, topics: { offers: { title: Offers, opt_in: true } } }"
    tenure_yaml.write_text(text.replace("mail: { hold: 0 minutes }", offers), encoding="utf-8")
    hello = rescue / "emails/hello.md"
    hello.write_text(hello.read_text(encoding="utf-8").replace("---\n", "---\ntopic: offers\n", 1), encoding="utf-8")
    found = tenure("simulate", rescue, "--at", "2026-03-02", "--days", "9", "--people", "call=lost@3").out
    assert "done         hello: sent" in found


def test_a_trial_writes_in_the_language_of_the_recipient(shop: Path, rescue: Path):
    tenure_yaml, hello = shop / "tenure.yaml", rescue / "emails/hello.md"
    tenure_yaml.write_text("locales: [en, de]\n" + tenure_yaml.read_text(encoding="utf-8"), encoding="utf-8")
    german = hello.read_text(encoding="utf-8").replace("How are you?", "Wie geht es?")
    (rescue / "emails/hello.de.md").write_text(german, encoding="utf-8")
    lost = ("simulate", rescue, "--at", "2026-03-02", "--days", "9", "--people", "call=lost@3")
    assert "| How are you?" in tenure(*lost).out
    found = tenure(*lost, "--assume", "account.locale=de@1").out
    assert "| Wie geht es?" in found
    assert "Abbestellen" in found or "abbestellen" in found  # the foot, too


def test_nobody_answers_unless_it_is_said(rescue: Path):
    found = tenure("simulate", rescue, "--at", "2026-03-02", "--days", "9", "--json").json
    assert [line["what"] for line in found["timeline"]] == ["start", "task"]
    assert found["ending"] is None


def test_a_draft_can_be_tried_while_it_is_edited(rescue: Path):
    file = rescue / "playbook.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "  - nonsense: 1\n", encoding="utf-8")
    found = tenure("simulate", rescue)
    assert (found.code, found.out) == (1, "")
    assert "PB" in found.err
    assert tenure("simulate", rescue.parent / "greet").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--assume", "health.score"], "is no assumption"),
        (["--assume", "health.scor=4@1"], 'did you mean "health.score"'),
        (["--assume", "health.score=low@1"], "health.score is a number"),
        (["--assume", "lifecycle=lvie@1"], 'did you mean "live"'),
        (["--people", "call"], "says nothing of what people do"),
        (["--people", "cal=lost@1"], 'did you mean "call"'),
        (["--people", "call=lots@1"], 'did you mean "lost"'),
        (["--people", "call=lost@soon"], "call=lost@soon"),
        (["--people", "call=lost@P1M"], "timed in minutes"),
        (["--at", "2026-03-02", "--until", "2026-03-01"], "must end 1 to 2,000 days"),
    ],
)
def test_what_cannot_be_assumed_is_refused_in_words(rescue: Path, arguments: list[str], words: str):
    found = tenure("simulate", rescue, *arguments)
    assert found.code == 2
    assert words in found.err


# --- render ---


def test_a_mail_is_read_as_its_recipient_would(rescue: Path, tmp_path: Path):
    found = tenure("render", f"{rescue}/hello")
    assert found.code == 0
    assert found.out.startswith("Subject: How is Alder & Finch?\n")
    assert "How are you?" in found.out
    assert tenure("render", f"{rescue}/emails/hello.md", "--format", "source").out.count("{{ account.name }}") == 1
    assert tenure("render", f"{rescue}/hello", "--open-in", tmp_path / "mail.html").code == 0
    assert (tmp_path / "mail.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["graph", "{shop}"], "is a whole workspace"),
        (["graph", "{shop}/playbooks/nothing"], "there is no playbook at"),
        (["graph", "{shop}/playbooks/rescue", "--format", "pdf"], "there is no format"),
        (["graph", "{shop}/playbooks/rescue", "--out", "/no/such/place.svg"], "cannot be written"),
        (["render", "hello"], "names no mail"),
        (["render", "{shop}/playbooks/rescue/helo"], 'did you mean "hello"'),
        (["render", "{shop}/playbooks/rescue/hello", "--format", "pdf"], "there is no format"),
    ],
)
def test_what_is_not_there_is_refused_in_words(shop: Path, arguments: list[str], words: str):
    found = tenure(*(one.format(shop=shop) for one in arguments))
    assert (found.code, found.out) == (2, "")
    assert words in found.err
