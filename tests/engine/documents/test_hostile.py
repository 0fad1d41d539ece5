"""Hostile input: a clear refusal within seconds and bounded memory, in a process of its own that may not grow."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[3]
_MEGABYTES = 700
"""Address space a child may take: Python with everything imported needs some 250."""
_SECONDS = 60
"""For a child and all its texts; each of them may take one second of processor time."""

# A child imports first, then measures the work alone.
_CHILD = f"""
import json, resource, sys, time
from engine.documents.document import load_document
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.problems import DocumentError, Spot
from engine.texts.document import MailText
from engine.texts.filters import RenderError
from engine.texts.syntax import check_template
from engine.texts.templates import render_line
from engine.texts.templates import fill
from engine.compile import compile_playbook
from engine.workspace import load_workspace
from engine.authoring.formatting import formatted

def yaml(text):
    load_document(text, "a.yaml")

def playbook(text):
    workspace = load_workspace({{"tenure.yaml": b"name: X"}})
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    found = compile_playbook(content, "a.yaml", "a", {{}}, workspace).problems
    if found:
        raise DocumentError(found)

def fmt(text):
    formatted(text, "a.yaml", "playbook")

def expression(text):
    parse_expression(text, Scope())

def template(text):
    found = check_template(text, ["account.name", "account.arr"], lambda offset: Spot(file="a"))
    if found:
        raise DocumentError(found)
    fill(text, {{"account.name": "x" * 1000, "account.arr": 1.0}})

resource.setrlimit(resource.RLIMIT_AS, ({_MEGABYTES} * 2**20,) * 2)
for name, source in json.load(sys.stdin).items():
    began = time.process_time()
    codes = []
    try:
        globals()[sys.argv[1]](eval(source))
    except (DocumentError, ExpressionError) as error:
        codes = [one.code for one in error.problems]
    except RenderError:
        codes = ["refused"]
    print(json.dumps([name, {{"codes": codes, "seconds": time.process_time() - began}}]), flush=True)
"""


@cache
def done(what: str, table: str) -> dict[str, Any]:
    """What became of the texts of a table, all in one child; those it did not survive are missing."""
    sources = {name: source for name, (source, _) in TABLES[table].items()}
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, what],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        cwd=_ROOT,
        check=False,
    )
    found = dict(json.loads(line) for line in child.stdout.splitlines())
    if child.returncode:
        name = next(name for name in sources if name not in found)
        found[name] = {"codes": [f"ended with {child.returncode}: {child.stderr[-1000:]}"], "seconds": 0}
    return found


BOMB = (
    "'a: &a [x]\\n' + ''.join(f'{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\\n' for n in range(20))"
)
YAML = {
    "nested brackets": ("'[' * 100_000", "PB004"),
    "nested braces": ("'{a: ' * 50_000", "PB004"),
    "nested lists": ("'- ' * 50_000 + 'x'", "PB004"),
    "nested mappings": ("'\\n'.join(' ' * n + 'a:' for n in range(600))", "PB004"),
    "an alias bomb": (BOMB, "PB003"),
    "a tag": ("'a: !!python/object/apply:os.system [ls]'", "PB003"),
    "ten megabytes": ("b'a: ' + b'x' * 10_000_000", "PB004"),
    "ten megabytes of lines": ("b'- a\\n' * 2_000_000", "PB004"),
    "many values": ("'- a\\n' * 60_000", "PB004"),
    "bytes that are no text": ("b'a: \\xff\\xfe'", "PB005"),
    "UTF-16": ("'a: 1'.encode('utf-16')", "PB005"),
    "half a surrogate": ("'a: \\ud800'", "PB005"),
    "a key twice": ("'a: 1\\na: 2'", "PB002"),
    "a tab": ("'a:\\n\\t- b'", "PB001"),
    "NUL": ("'a: b\\0'", "PB005"),
    "a huge number": ("'a: ' + '9' * 200_000", "PB009"),
    "a huge exponent": ("'a: 1e999999999'", "PB009"),
    "an endless quote": ("'a: \"' + 'x' * 200_000", "PB001"),
    "a merge key": ("'a:\\n  <<: {b: 1}'", "PB003"),
    "directives": ("'%YAML 9.9\\n' * 10_000 + '---\\na: 1'", "PB001"),
}
EXPRESSIONS = {
    "brackets": ("'(' * 900 + '1' + ')' * 900", "PB206"),
    "too many characters": ("'(' * 100_000", "PB206"),
    "signs": ("'-' * 1_900 + '1'", "PB206"),
    "nots": ("'not ' * 450 + 'true'", "PB206"),
    "20,000 terms": ("' + '.join(['1'] * 20_000) + ' > 1'", "PB206"),
    "many terms": ("'+'.join(['1'] * 900) + '>1'", "PB206"),
    "a power": ("'9**9**9 > 1'", "PB201"),
    "a huge number": ("'1e999 > 1'", "PB201"),
    "a number without end": ("'9' * 1_900 + ' > 1'", "PB201"),
    "an attribute": ("'account.__class__.__mro__ == 1'", "PB202"),
    "a call of a method": ("'account.name.upper() == \"A\"'", "PB203"),
    "an import": ("'__import__(\"os\") == 1'", "PB203"),
    "a lambda": ("'(lambda: 1)() == 1'", "PB201"),
    "look-alike letters": ("'аccount.name == \"A\"'", "PB201"),
    "full-width digits": ("'account.arr > ５'", "PB201"),
    "a text without end": ("'\"' + 'x' * 1_900", "PB201"),
    "a list": ("'account.name in [' + ','.join(['\"a\"'] * 450) + ']'", "PB206"),
    "NUL": ("'account.name == \"a\\0\"'", "PB201"),
}
TEMPLATES = {
    "a loop": ("'{% for x in range(10**9) %}{{ x }}{% endfor %}'", "PB406"),
    "a range": ("'{{ range(10**9) }}'", "PB406"),
    "a power": ("'{{ 9 ** 9 ** 9 }}'", "PB406"),
    "a wide filter": ("'{{ \"a\" | center(10 ** 9) }}'", "PB407"),
    "an escape": ("'{{ \"\".__class__.__mro__[1].__subclasses__() }}'", "PB406"),
    "an escape by a filter": ("'{{ account.name | attr(\"__class__\") }}'", "PB407"),
    "a macro that calls itself": ("'{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'", "PB406"),
    "an include": ("'{% include \"/etc/passwd\" %}'", "PB406"),
    "deep brackets": ("'{{ ' + '(' * 5_000 + '1' + ')' * 5_000 + ' }}'", "PB404"),
    "deep ifs": ("'{% if account.arr %}' * 400 + '{% endif %}' * 400", "PB404"),
    "many parts": ("'{{1}}' * 2_500", "PB403"),
    "a long text": ("'x' * 10_000_000", "PB403"),
    "many times a text": ("'{{ account.name * 10**9 }}'", "PB406"),
    "a text that grows": ("'{{ account.name }}' * 100", "refused"),
    "concatenation": ("'{{ account.name ~ account.name }}'", "PB406"),
    "a namespace": ("'{% set x = namespace(a=1) %}'", "PB406"),
}


TABLES = {"yaml": YAML, "expression": EXPRESSIONS, "template": TEMPLATES}
# What stands upon the reader refuses the same.
CASES = [
    (what, table, name)
    for what, table in (*((one, one) for one in TABLES), ("playbook", "yaml"), ("fmt", "yaml"))
    for name in TABLES[table]
]


@pytest.mark.parametrize(("what", "table", "name"), CASES, ids=[f"{what}: {name}" for what, _, name in CASES])
def test_a_hostile_text_is_refused_at_once(what: str, table: str, name: str):
    found = done(what, table)
    assert name in found, "the child ended before"
    assert TABLES[table][name][1] in found[name]["codes"]
    assert found[name]["seconds"] < 1
