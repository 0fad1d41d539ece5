"""`./dev bench [--json] [NAME ...]`: measures Tenure's figures, each beside its ceiling in the same run."""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence

from benchmarks import (
    api_intake,
    caps,
    checking,
    commands,
    demo,
    expressions,
    fact_to_first_act,
    intake,
    journey_events,
    journey_throughput,
    mail,
    mail_road,
    overview,
    pages,
    scenarios,
    sweeping,
    task_to_next_step,
    watched,
    webhook_intake,
    windowed,
    worker_memory,
)
from benchmarks.measure import Bench, Figure

BENCHES: dict[str, Bench] = {
    "journey_events": journey_events.figures,
    "journey_throughput": journey_throughput.figures,
    "expressions": expressions.evaluation,
    "compile": expressions.compiling,
    "check": checking.figures,
    "check_growth": checking.growing,
    "fact_to_first_act": fact_to_first_act.figures,
    "worker_memory": worker_memory.figures,
    "sweep_full": sweeping.full,
    "sweep_incremental": sweeping.incremental,
    "rescoring": sweeping.rescoring,
    "growth": sweeping.growing,
    "windowed_metrics": windowed.figures,
    "watches": watched.figures,
    "scenario_days": scenarios.figures,
    "cli_import": commands.figures,
    "task_to_next_step": task_to_next_step.figures,
    "mail_render": mail.rendering,
    "smtp_sending": mail.sending,
    "mail_road": mail_road.figures,
    "caps": caps.figures,
    "intake": intake.figures,
    "webhook_intake": webhook_intake.figures,
    "overview": overview.figures,
    "api_intake": api_intake.figures,
    "pages": pages.figures,
    "demo_first_mail": demo.first_mail,
    "demo_days": demo.days,
}
_ONLY_BY_NAME = frozenset({"check_growth"})
"""Left out of a run of all, which is to end within twenty minutes."""
_BESIDE = {"sweep_full": ("windowed_metrics", windowed.LARGE), "overview": ("pages", pages.LARGE)}
"""A bench, and another one whose large ground is filled beside its own, where both are to run."""
_HELP = f"{', '.join(BENCHES)}; without a name all of them but {', '.join(sorted(_ONLY_BY_NAME))}"
_LINE = "{:24} {:>10} {:12} {:>10} {:>7}  {:22} {:6} {}"


def main() -> None:
    """Exit code 1 when a target is missed, or a bench failed."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in BENCHES]:
        parser.error(f"there is no figure {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    print(_LINE.format("figure", "value", "unit", "ceiling", "ratio", "target", "holds", "").rstrip(), flush=True)
    found: list[Figure] = []
    for figure in _run(given.names or [name for name in BENCHES if name not in _ONLY_BY_NAME]):
        print(_line(figure), flush=True)
        found.append(figure)
    load = os.getloadavg()[0]
    print(f"load {load:.1f} on {os.cpu_count()} processors; above one a processor, times are too long")
    if given.json:
        print(json.dumps({"figures": [_json(figure) for figure in found]}))
    sys.exit(any(figure.holds is False for figure in found))


def _run(names: Sequence[str]) -> Iterator[Figure]:
    """The figures of these benches, one after the other; one that fails is a figure that does not hold."""
    spent: dict[str, float] = {}
    for n, name in enumerate(names, start=1):
        _progress(f"{n} of {len(names)}: {name}")
        began = time.perf_counter()
        beside, large = _BESIDE.get(name, (name, None))
        if large is not None and beside in names[n:]:
            large.expect()
        try:
            yield from BENCHES[name]()
        except Exception as error:  # noqa: BLE001 - whatever it was, the figures of the others count
            traceback.print_exc()
            why = (str(error).splitlines() or [""])[0]
            yield Figure(name=name, value=None, unit="", holds=False, note=f"failed: {type(error).__name__}: {why}")
        spent[name] = time.perf_counter() - began
    for name, seconds in sorted(spent.items(), key=lambda one: -one[1]):
        _progress(f"{seconds:7.1f} s  {name}")
    _progress(f"{sum(spent.values()):7.1f} s  in all")


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _line(figure: Figure) -> str:
    holds = {True: "yes", False: "NO", None: ""}[figure.holds]
    cells = (_number(figure.value), figure.unit, _number(figure.ceiling), _number(figure.ratio))
    return _LINE.format(figure.name, *cells, figure.target, holds, figure.note).rstrip()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _json(figure: Figure) -> dict[str, object]:
    names = ("name", "value", "unit", "ceiling", "ratio", "target", "holds")
    return {name: getattr(figure, name) for name in names}


if __name__ == "__main__":
    main()
