"""Rules of the house that no linter knows: the engine is pure, and the repository names no outside or private place."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]

_IMPURE_MODULES = {
    *("asyncio", "concurrent", "ctypes", "ftplib", "http", "httpx2", "multiprocessing", "os", "pathlib", "random"),
    *("requests", "secrets", "shutil", "signal", "smtplib", "socket", "ssl", "subprocess", "sys", "tempfile"),
    *("threading", "time", "urllib", "uuid"),
}
# hash and id differ from process to process, so what is built on them does too.
_IMPURE_CALLS = {"__import__", "breakpoint", "eval", "exec", "hash", "id", "input", "open", "print"}
_CLOCK_OWNERS = {"date", "datetime"}
_CLOCK_READINGS = {"now", "today", "utcnow"}
_SETS = {"frozenset", "set"}
_KEEPS_ORDER_OF = {"enumerate", "iter", "join", "list", "map", "next", "tuple", "zip"}


def _impurities(source: str) -> list[str]:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__":
            node.body = []  # the one place where hash() belongs
    return [f"{node.lineno}: {problem}" for node, problem in _found(tree)]


def _found(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [name.name for name in names]
                yield from ((node, f"imports {module}") for module in modules if _is_impure(module))
            case ast.ImportFrom(module=str(module)) if _is_impure(module):
                yield node, f"imports {module}"
            case ast.Call(func=ast.Name(id=name)) if name in _IMPURE_CALLS:
                yield node, f"calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if (
                name in _CLOCK_READINGS and _name(owner) in _CLOCK_OWNERS
            ):
                yield node, f"reads the clock by {name}()"
            case ast.For(iter=iterated) | ast.comprehension(iter=iterated) if _is_set(iterated):
                yield iterated, "walks a set, whose order differs from process to process; sort it"
            case ast.Call(func=function, args=arguments) if _name(function) in _KEEPS_ORDER_OF:
                yield from ((node, "keeps the order of a set; sort it") for part in arguments if _is_set(part))


def _is_impure(module: str) -> bool:
    return module.partition(".")[0] in _IMPURE_MODULES


def _name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _is_set(node: ast.expr) -> bool:
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Call) and _name(node.func) in _SETS)


@pytest.mark.parametrize(
    "file", sorted((_ROOT / "engine").rglob("*.py")), ids=lambda file: str(file.relative_to(_ROOT))
)
def test_the_engine_is_pure(file):
    assert _impurities(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os.path",
        "from random import choice",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.date.today()",
        "open('x')",
        "hash('x')",
        "for x in {1, 2}: pass",
        "[x for x in set(y)]",
        "list({x for x in y})",
        "', '.join(frozenset(y))",
    ],
)
def test_the_purity_rule_sees(source):
    assert _impurities(source)


@pytest.mark.parametrize(
    "source",
    [
        "import re, math, zoneinfo",
        "from datetime import datetime, timedelta",
        "runtime.now()",
        "class A:\n    def __hash__(self):\n        return hash(self.x)",
        "for x in sorted({1, 2}): pass",
        "x in {1, 2}",
        "len(set(y))",
    ],
)
def test_the_purity_rule_lets_pass(source):
    assert _impurities(source) == []


# Written apart, or this file would break its own rule.
_REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("crates", "io"),
        ("golang", "org"),
        ("maven", "org"),
        ("deb", "debian", "org"),
        ("ghcr", "io"),
        ("docker", "io"),
    ]
]
_FORBIDDEN = re.compile("|".join([*map(re.escape, _REGISTRY_HOSTS), r"(?<![\w.)}-])/(?:work|root)/"]))


def _repository_files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True).stdout.decode()
    return [file for name in listed.split("\0") if name and (file := _ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_a_private_path():
    offences = [
        f"{file.relative_to(_ROOT)}:{number}: {found.group()}"
        for file in _repository_files()
        if file != Path(__file__)
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (found := _FORBIDDEN.search(line))
    ]
    assert offences == []


def test_every_module_says_in_one_sentence_what_it_is_for():
    packages = ("engine", "store", "connectors", "workflows", "web", "app")
    files = [file for name in packages for file in (_ROOT / name).rglob("*.py")]
    silent = [
        str(file.relative_to(_ROOT))
        for file in files
        if (tree := ast.parse(file.read_text(encoding="utf-8"))).body and not ast.get_docstring(tree)
    ]
    assert silent == []
