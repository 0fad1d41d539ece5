import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project import read_project
from tests.authoring import FILES, PLAYBOOK

MAIL = b"---\nsubject: Hello\n---\nHow are you, {{ recipient.first_name | default('there') }}?\n"
WHOLE = {**FILES, "playbooks/rescue/playbook.yaml": PLAYBOOK.encode(), "playbooks/rescue/emails/hello.md": MAIL}
SCENARIOS = """\
scenarios:
  - name: a fall is answered
    account: { segment: enterprise, arr: 50000 }
    contacts: { champion: true }
    start: 2026-03-02
    days:
      0: { health.score: 80 }
      3: { health.score: 20 }
    people:
      call: { after: 1 day, outcome: reached }
    until: 12
    expect:
      - { day: 3, start: true }
      - { day: 3, task: call }
      - { day: 4, email: mail }
      - { day: 11, end: end }
"""


def found(files: dict[str, bytes]) -> list[str]:
    return [
        f"{one.code} {one.spot.file}:{one.spot.line}:{one.spot.column}" for one in read_project(files, "shop").problems
    ]


def without(path: str) -> dict[str, bytes]:
    return {name: content for name, content in WHOLE.items() if name != path}


def test_a_whole_workspace_has_no_problems():
    project = read_project(WHOLE)
    assert [str(problem) for problem in project.problems] == []
    assert not project.broken
    compiled = project.playbooks["rescue"].compiled
    assert compiled is not None
    assert tuple(project.playbooks["rescue"].texts) == compiled.plan.texts


def test_playbooks_may_stand_at_the_top():
    project = read_project({**FILES, "rescue/playbook.yaml": PLAYBOOK.encode(), "rescue/emails/hello.md": MAIL})
    assert not project.broken
    assert list(project.playbooks) == ["rescue"]


def test_without_a_workspace_nothing_else_is_judged():
    project = read_project(without("tenure.yaml"), "shop")
    assert (project.workspace, project.playbooks) == (None, {})
    assert [problem.code for problem in project.problems] == ["PB501"]


def test_problems_bear_the_name_a_user_would_type():
    assert found({**WHOLE, "scorecards/health.yaml": b"scorecard: health\n"})[0].startswith("PB102 shop/scorecards/")


def test_a_broken_playbook_does_not_stop_the_others():
    other = PLAYBOOK.replace("playbook: rescue", "playbook: other").replace("template: hello", "template: hallo")
    project = read_project({**WHOLE, "playbooks/other/playbook.yaml": other.encode()})
    assert project.playbooks["rescue"].compiled is not None
    assert project.playbooks["other"].compiled is None
    assert [problem.code for problem in project.problems] == ["PB321"]


def test_a_mail_that_is_broken_is_not_called_missing_as_well():
    assert found({**WHOLE, "playbooks/rescue/emails/hello.md": b"no front matter"}) == [
        "PB401 shop/playbooks/rescue/emails/hello.md:1:1"
    ]


def test_two_folders_of_one_name_are_told():
    files = {**WHOLE, "rescue/playbook.yaml": PLAYBOOK.encode(), "rescue/emails/hello.md": MAIL}
    assert "PB320 shop/rescue/playbook.yaml:1:1" in found(files)


def test_scenarios_are_read_beside_their_playbook():
    project = read_project({**WHOLE, "playbooks/rescue/scenarios.yaml": SCENARIOS.encode()})
    assert [str(problem) for problem in project.problems] == []
    assert [one.name for one in project.scenarios["rescue"]] == ["a fall is answered"]


def test_broken_scenarios_are_told_and_keep_no_playbook_from_being_deployed():
    spoilt = SCENARIOS.replace("task: call", "task: coll")
    project = read_project({**WHOLE, "playbooks/rescue/scenarios.yaml": spoilt.encode()}, "shop")
    assert [problem.code for problem in project.problems] == ["PB331"]
    assert project.scenarios["rescue"] == ()
    assert project.playbooks["rescue"].compiled is not None


@pytest.mark.parametrize("path", WHOLE)
@settings(deadline=None)
@given(content=st.binary(max_size=120))
def test_any_bytes_in_any_file_give_problems_and_never_an_exception(path: str, content: bytes):
    project = read_project({**WHOLE, path: content})
    assert project.broken
    assert all(problem.spot.file for problem in project.problems)


# --- playbooks that start others ---


def starting(name: str, *others: str, triggers: str = "[{ manual: true }]") -> bytes:
    steps = "".join(f"  - id: to_{one.replace('-', '_')}\n    enroll: {{ playbook: {one} }}\n" for one in others)
    return f"playbook: {name}\ntitle: {name}\ntriggers: {triggers}\nsteps:\n{steps}  - wait: 1 day\n".encode()


def of(**playbooks: bytes) -> dict[str, bytes]:
    return {**FILES, **{f"{name}/playbook.yaml": content for name, content in playbooks.items()}}


def test_a_playbook_may_start_others_that_let_themselves_be_started():
    project = read_project(of(a=starting("a", "b", "c"), b=starting("b", "c"), c=starting("c")))
    assert [str(problem) for problem in project.problems] == []


def test_what_cannot_be_started_is_named_and_stops_nobody_else():
    timed = starting("b", triggers="[{ date: account.renewal_date - 3 days }]")
    project = read_project(of(a=starting("a", "b", "bb"), b=timed, c=starting("c")))
    assert [(one.code, one.spot.file, one.spot.line) for one in project.problems] == [
        ("PB366", "a/playbook.yaml", 6),
        ("PB366", "a/playbook.yaml", 8),
    ]
    assert [name for name, one in project.playbooks.items() if one.compiled] == ["b", "c"]


@pytest.mark.parametrize(
    ("starts", "circles"),
    [
        ({"a": ["a"]}, {"a"}),
        ({"a": ["b"], "b": ["a"]}, {"a", "b"}),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, {"a", "b", "c"}),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, set()),
    ],
)
def test_playbooks_that_start_each_other_in_a_circle_are_refused(starts: dict[str, list[str]], circles: set[str]):
    project = read_project(of(**{name: starting(name, *others) for name, others in starts.items()}))
    assert {problem.code for problem in project.problems} == ({"PB367"} if circles else set())
    assert {name for name, one in project.playbooks.items() if one.compiled is None} == circles
