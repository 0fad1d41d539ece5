"""`tenure test`: runs the scenarios beside the playbooks, says what differed, and what no scenario walks."""

from collections.abc import Sequence
from pathlib import Path

from app.running import FINDINGS, UsageError, plain, say, show
from app.scenarios.comparison import comparison
from app.scenarios.junit import junit
from app.scenarios.testing import Tested, TestRun, run_tests
from app.tables import clean, count
from engine.scenarios.coverage import Coverage

_MOST = 6
"""Parts that no scenario walks, told of each playbook; the JSON has them all."""


def run_scenarios(paths: Sequence[Path], only: str | None, junit_file: Path | None, *, as_json: bool) -> int:
    """0 when nothing is wrong with the files and every scenario holds."""
    done = run_tests(paths, only)
    if junit_file is not None:
        try:
            junit_file.write_bytes(junit(done.tested))
        except OSError as error:
            raise UsageError(f"{junit_file} cannot be written ({error.strerror})") from error
    if as_json:
        show(_json(done))
    else:
        _print(done)
    if done.without:
        say(f"no scenarios.yaml: {', '.join(done.without)}")
    if done.not_run:
        say(f"not run, for the errors above: {', '.join(done.not_run)}")
    if only is not None and not done.tested:
        raise UsageError(f'no scenario is named like "{only}"')
    failed = sum(bool(one.result.failures) for one in done.tested)
    days = sum(one.result.days for one in done.tested)
    seconds = sum(one.seconds for one in done.tested)
    say(f"{count(len(done.tested), 'scenario')}, {failed} failed; {count(days, 'day')} in {seconds:.2f} s")
    return FINDINGS if failed or done.broken else 0


def _print(done: TestRun) -> None:
    coverages = {one.playbook: one for one in done.coverages}
    for playbook in dict.fromkeys(one.playbook for one in done.tested):
        for one in done.tested:
            if one.playbook == playbook:
                _scenario(one)
        if playbook in coverages:
            _coverage(coverages[playbook])


def _scenario(one: Tested) -> None:
    result = one.result
    print(f"{'FAILED' if result.failures else 'ok    '} {one.playbook}: {clean(result.name)}")
    if result.broken:
        print(f"         {clean(result.broken)}")
    for line in comparison(result.rows):
        print(f"         {line}".rstrip())


def _coverage(one: Coverage) -> None:
    missing = one.missing
    print(f"       {one.playbook}: {one.walked} of {len(one.parts)} parts walked" + (", not these:" if missing else ""))
    for part in missing[:_MOST]:
        print(f"         {part.part:<7}  {clean(part.says)}  ({part.path})")
    if len(missing) > _MOST:
        print(f"         … and {len(missing) - _MOST} more; --json has them all")


def _json(done: TestRun) -> dict[str, object]:
    return {
        "scenarios": [
            {
                "playbook": one.playbook,
                "scenario": one.result.name,
                "failures": list(one.result.failures),
                "seconds": round(one.seconds, 4),
                "lines": plain(one.result.rows),
            }
            for one in done.tested
        ],
        "coverage": plain(done.coverages),
        "without": list(done.without),
        "not_run": list(done.not_run),
    }
