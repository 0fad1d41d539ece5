"""What a text shows that may be unknown is warned of at its name, unless something stands in its place."""

import pytest

from engine.texts.unsure import bare_names
from tests.problem_pages import Block, found_in

TASK = 'steps: [{ id: a, task: { title: "%s", assign: csm } }]\n'


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ a.b }} {{ a.b | upper }} {{ c.d }}", ["a.b", "c.d"]),
        ("{{ a.b or 'x' }} {{ c.d | date or 'x' }} {{ e.f | default(1) | round }}", []),
        ("{% if a.b %}{{ a.b | date }}{% endif %}", []),
        ("{% if a.b is known and c.d %}{{ a.b }}{{ c.d }}{{ e.f }}{% endif %}", ["e.f"]),
        ("{% if a.b > 3 %}many{% endif %}", ["a.b"]),
        ("{% if a.b is known %}{{ c.d or a.b }}{% endif %}", []),
    ],
)
def test_a_name_is_bare_where_nothing_stands_in_for_it(template, names):
    assert [use.name for use in bare_names(template)] == names


def warned(*blocks: Block) -> list[tuple[str, int, int, str]]:
    problems, _ = found_in(blocks)
    assert all((one.code, one.severity) == ("PB410", "warning") for one in problems), problems
    return [(one.spot.file, one.spot.line, one.spot.column, one.message.partition(" ")[0]) for one in problems]


def mail(subject: str, body: str) -> Block:
    return Block(file="emails/hello.md", text=f"---\nsubject: {subject}\n---\n{body}\n")


def test_it_stands_at_its_name_in_the_mail():
    found = warned(mail("Hi {{ account.note }}", "Hello\n\nyou have {{ account.seats }}, {{ csm.name }}"))
    file = "rescue/emails/hello.md"
    assert found == [
        (file, 2, 16, "account.note"),
        (file, 6, 13, "account.seats"),
        (file, 6, 34, "csm.name"),
    ]


def test_what_a_run_cannot_begin_without_is_known():
    text = mail("Hi", "{{ account.name }} {{ recipient.first_name }} {{ sender.name }} {{ health.score | round }}")
    assert warned(text) == []
    seats = mail("Hi", "{{ account.seats }} of {{ account.last_qbr | date }}")
    assert len(warned(seats)) == 2
    assert warned(Block(file="playbook.yaml", text="audience: account.seats > 3\n"), seats)[0][3] == "account.last_qbr"
    given = "audience: account.seats > 3\ntriggers: [{ date: account.last_qbr + 90 days }]\n"
    assert warned(Block(file="playbook.yaml", text=given), seats) == []


def test_a_task_has_no_recipient():
    problems, _ = found_in([Block(file="playbook.yaml", text=TASK % "Call {{ recipient.name }}")])
    assert [(one.code, one.message) for one in problems] == [
        ("PB410", "recipient.name is unknown here: only mails have a recipient")
    ]


def test_a_text_that_no_step_sends_is_left_alone():
    other = Block(file="emails/other.md", text="---\nsubject: Hi\n---\n{{ account.seats }}\n")
    assert warned(other) == []
