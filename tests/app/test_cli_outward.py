"""What a run sends outside, as the command line shows and changes it: a chat message, and a draft that is edited."""

from pathlib import Path

from tests.command_line import make_shop, tenure
from tests.homes import new_home

TELL = """\
playbook: tell
title: Tell
triggers:
  - manual: true
steps:
  - id: news
    notify: { to: channel team, text: 'Look at {{ account.name }}' }
  - id: letter
    email: { template: hello, to: champion, review: csm }
"""


def test_a_chat_message_is_seen_and_a_draft_leaves_as_it_was_edited(tmp_path: Path):
    folder, data = make_shop(tmp_path)
    playbook, workspace = folder / "playbooks/tell/playbook.yaml", folder / "tenure.yaml"
    (playbook.parent / "emails").mkdir(parents=True)
    playbook.write_text(TELL, encoding="utf-8")
    (playbook.parent / "emails/hello.md").write_text("---\nsubject: Hello\n---\nHow are you?\n", encoding="utf-8")
    workspace.write_text(workspace.read_text(encoding="utf-8") + "  team: { kind: chat }\n", encoding="utf-8")
    body = tmp_path / "body.md"
    body.write_text("We have *news* for you.\n", encoding="utf-8")
    with new_home() as home:

        def say(*words: object) -> str:
            done = tenure(*words, home=home)
            assert done.code == 0, done.err
            return done.out

        assert tenure("errands", home=home).err == "no errands\n"
        say("import", folder, data, "--as-of", "2026-03-02")
        say("deploy", folder)
        early = tenure("start", "tell", "C-1", home=home)
        assert (early.code, "no sweep has looked at C-1 yet" in early.err) == (1, True)
        say("advance", "--to", "2026-03-03")
        say("start", "tell", "C-1")
        head, line = say("errands").splitlines()
        assert head.split() == ["ERRAND", "AT", "STATE", "ACCOUNT", "TO", "STEP"]
        assert line.split() == ["1", "2026-03-03", "delivered", "C-1", "chat", "team", "tell,", "news"]
        told = say("errand", 1)
        assert told.startswith("To:       chat team\nState:    delivered 2026-03-03\n")
        assert told.endswith("(tell, step news) for Cloud (C-1)\n\nLook at Cloud\n")
        assert tenure("errands", "--kind", "webhook", home=home).err == "no errands\n"
        assert tenure("errand", 1, "--json", home=home).json["body"] == {"text": "Look at Cloud"}
        refused = tenure("errands", "--state", "lost", home=home)
        assert (refused.code, "is not one of prepared" in refused.err) == (2, True)
        assert tenure("errand", 7, home=home).err == "tenure: there is no errand 7; see: tenure errands\n"

        say("task", "done", 1, "--outcome", "send", "--subject", "News for Cloud", "--body", body)
        say("advance", "--to", "2026-03-04")
        mail = say("mail", 1)
        assert "Subject:  News for Cloud\n" in mail
        assert "We have news for you." in mail
        assert "How are you?" not in mail
        missing = tenure("task", "done", 1, "--outcome", "send", "--body", tmp_path / "none.md", home=home)
        assert (missing.code, "cannot be read" in missing.err) == (2, True)
