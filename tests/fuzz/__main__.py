"""`python -m tests.fuzz [NAME …] [SECONDS]`: each parser under the fuzzer, in a process of its own, for so long."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("yaml", "expression", "template")
_SECONDS = 30


def main(arguments: list[str]) -> int:
    names = [one for one in arguments if one in NAMES] or NAMES
    seconds = next((one for one in arguments if one.isdigit()), str(_SECONDS))
    return max(fuzz(name, seconds) for name in names)


def fuzz(name: str, seconds: str) -> int:
    """What libFuzzer ends with: it ends the process it runs in."""
    with tempfile.TemporaryDirectory(prefix="tenure-fuzz-") as corpus:
        command = [sys.executable, str(Path(__file__).with_name("parsers.py")), name, seconds, corpus]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    inputs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    places = re.findall(r"cov: (\d+)", done.stderr)
    sys.stdout.write(
        f"fuzz {name}: {inputs[1] if inputs else 'no'} inputs, {places[-1] if places else 'no'} places reached\n"
    )
    if done.returncode:
        sys.stdout.write(done.stderr[-4000:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
