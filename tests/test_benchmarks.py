"""The harness of the benchmarks: what it prints, whatever becomes of a bench."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from benchmarks import __main__ as harness
from benchmarks import ahead
from benchmarks.measure import ROOT, Figure


def _good() -> Iterator[Figure]:
    yield Figure(name="good", value=2.0, unit="s", ceiling=1.0, target="ratio <= 3", holds=True)


def _breaks() -> Iterator[Figure]:
    yield Figure(name="first_half", value=1.0, unit="s")
    raise ValueError("no server\nat all")


@pytest.fixture
def run(monkeypatch, capsys):
    def run(**benches):
        monkeypatch.setattr(harness, "BENCHES", benches)
        monkeypatch.setattr(sys, "argv", ["bench", "--json"])
        with pytest.raises(SystemExit) as ended:
            harness.main()
        out, err = capsys.readouterr()
        return ended.value.code, json.loads(out.splitlines()[-1])["figures"], out, err

    return run


def test_the_last_line_is_one_json_object_with_every_figure(run):
    code, figures, _, _ = run(good=_good)
    assert not code
    assert figures == [
        {
            "name": "good",
            "value": 2.0,
            "unit": "s",
            "ceiling": 1.0,
            "ratio": 2.0,
            "target": "ratio <= 3",
            "holds": True,
        }
    ]


def test_a_bench_that_fails_loses_no_figure_and_does_not_hold(run):
    code, figures, out, err = run(breaks=_breaks, good=_good)
    assert code == 1
    assert [one["name"] for one in figures] == ["first_half", "breaks", "good"]
    assert figures[1]["value"] is None
    assert figures[1]["holds"] is False
    assert "failed: ValueError: no server\n" in out
    assert "Traceback" in err


def test_progress_and_the_time_of_each_bench_go_to_standard_error(run):
    _, _, out, err = run(good=_good, breaks=_breaks)
    assert "bench: 2 of 2: breaks" in err
    assert re.search(r"bench: +\d+\.\d s  good\n", err)
    assert "bench:" not in out


@pytest.mark.parametrize("name", harness.BENCHES)
def test_the_page_tells_what_every_bench_measures(name):
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert any(f"`{name}`" in line for line in table)


def test_a_target_is_judged_at_the_size_it_is_set_for_alone():
    missed = Figure(name="sweep_full_10k", value=2.0, unit="s", ceiling=1.0, target="ratio <= 1.3", holds=False)
    assert missed.at(10_000, 1_000_000).holds is None
    assert missed.at(10_000, 1_000_000).target == "ratio <= 1.3"
    assert missed.at(1_000_000, 1_000_000).holds is False


@pytest.fixture
def beside(run, monkeypatch):
    """Runs these benches, of which `large` has a ground that `first` may take along; what was done, in order."""

    def beside(*names, failures=0):
        done = []
        monkeypatch.setattr(ahead, "ground", lambda: nullcontext("engine"))
        left = iter(range(failures))

        def fill(_engine):
            done.append("fill large")
            if next(left, None) is not None:
                raise OSError("the disk is full")

        large = ahead.Ahead(fill)

        def first():
            ahead.filling(lambda: done.append("fill first"))
            done.append("measure first")
            yield from _good()

        def second():
            with large.ground() as engine:
                done.append(f"measure {engine}")
            yield from _good()

        monkeypatch.setattr(harness, "_BESIDE", {"first": ("large", large)})
        code, *_ = run(**{name: {"first": first, "large": second}[name] for name in names})
        assert not code
        return done

    return beside


def test_a_large_ground_is_filled_beside_another_and_before_anything_is_measured(beside):
    done = beside("first", "large")
    assert set(done[:2]) == {"fill first", "fill large"}
    assert done[2:] == ["measure first", "measure engine"]


def test_a_large_ground_whose_bench_does_not_run_is_not_filled(beside):
    assert beside("first") == ["fill first", "measure first"]
    assert beside("large") == ["fill large", "measure engine"]


def test_a_large_ground_that_could_not_be_filled_ahead_is_filled_by_its_own_bench(beside):
    done = beside("first", "large", failures=1)
    assert done[2:] == ["measure first", "fill large", "measure engine"]
