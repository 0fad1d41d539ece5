"""What the fuzzer runs: `python parsers.py NAME SECONDS CORPUS`, in a process of its own (see `tests.fuzz`).

A parser gives what it reads or its own errors. Anything else ends the run and leaves the input that did it in a file;
so does an input that takes seconds, or a gigabyte.
"""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # `./dev fuzz` installs it where there is one

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["engine", "jinja2"]):
    from engine.authoring.formatting import formatted
    from engine.compile import compile_playbook
    from engine.documents.document import load_document
    from engine.expressions import ExpressionError, Scope, parse_expression
    from engine.expressions.answers import answers
    from engine.plan import Compiled
    from engine.problems import DocumentError, Spot
    from engine.texts.document import load_text
    from engine.texts.syntax import check_template
    from engine.texts.templates import RenderError, fill
    from engine.workspace import load_workspace

_SLOWEST = 2
"""Seconds for one input, under a tracer that makes everything several times slower."""
_MEGABYTES = 1024
_LONGEST = 4096

_FILES = {path: path.read_bytes() for path in sorted((ROOT / "playbooks").rglob("*")) if path.is_file()}
_WORKSPACE = load_workspace({str(path.relative_to(ROOT / "playbooks")): _FILES[path] for path in _FILES})
_VALUES = {"account.name": "Acme", "account.arr": 1200.0, "account.renewal_date": None, "account.segment": "enterprise"}


def yaml(data: bytes) -> None:
    """Documents, mails and the formatter; a playbook that compiles survives JSON."""
    with contextlib.suppress(DocumentError):
        load_document(data, "a.yaml")
    with contextlib.suppress(DocumentError):
        load_text(data, "a.md", ["account.name"])
    for name in ("playbook", "tenure", "scorecard", "scenarios"):
        with contextlib.suppress(DocumentError):
            neat = formatted(data, "a.yaml", name)
            assert formatted(neat, "a.yaml", name) == neat
    with contextlib.suppress(DocumentError):
        load_workspace({"tenure.yaml": data})
    found = compile_playbook(data, "a.yaml", "a", {}, _WORKSPACE)
    assert found.compiled or found.problems
    if found.compiled:
        assert Compiled.model_validate_json(found.compiled.model_dump_json()) == found.compiled


def expression(data: bytes) -> None:
    """The canonical text of an expression is its own; what it can answer is worked out without raising."""
    scope = Scope(catalogue=_WORKSPACE.catalogue(), aggregates=True)
    with contextlib.suppress(ExpressionError):
        found = parse_expression(data.decode("utf-8", "surrogateescape"), scope)
        assert parse_expression(found.text, scope) == found
        if found.type == "bool":
            answers(found)


def template(data: bytes) -> None:
    """What passes the check can be filled, or is refused by our own error."""
    text = data.decode("utf-8", "replace")
    if not check_template(text, tuple(_VALUES), lambda _: Spot(file="a")):
        with contextlib.suppress(RenderError):
            fill(text, _VALUES)


PARSERS: dict[str, Callable[[bytes], None]] = {"yaml": yaml, "expression": expression, "template": template}


def seeds(name: str) -> Iterator[bytes]:
    """What the library holds of it."""
    files = [content for path, content in _FILES.items() if path.suffix in (".yaml", ".md")]
    if name == "yaml":
        yield from (content[:_LONGEST] for content in files)
        return
    whole = b"\n".join(files)
    found = (
        re.findall(rb"(?:when|audience|if|until|where|expr):\s+(?!\{)(.+)", whole)
        if name == "expression"
        else re.findall(rb"[^\n]*\{[{%][^\n]*", whole)
    )
    yield from dict.fromkeys(found)


def main() -> None:
    name, seconds, corpus = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    for n, seed in enumerate(seeds(name)):
        (corpus / f"seed-{n}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MEGABYTES}"]
    shape = [f"-max_len={_LONGEST}", f"-artifact_prefix=fuzz-{name}-", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *limits, *shape], PARSERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
