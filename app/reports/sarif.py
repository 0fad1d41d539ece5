"""Problems as a SARIF 2.1.0 log, which code scanning and editors read."""

import json
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from app.pages import section
from engine.authoring.codes import CODES
from engine.problems import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(problems: Sequence[Problem], _lines_of: Callable[[str], Sequence[str]]) -> str:
    """One run; its rules are the codes that were found, each with its section of the docs."""
    codes = sorted({problem.code for problem in problems})
    run = {
        "tool": {"driver": {"name": "Tenure", "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in problems],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    says = CODES.get(code, code)
    return {
        "id": code,
        "shortDescription": {"text": says},
        "help": {"text": f"{says}. More: tenure docs {code}", "markdown": section(code) or says},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    spot = problem.spot
    hint = f" ({problem.hint})" if problem.hint else ""
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(spot.file)},
            "region": {"startLine": spot.line, "startColumn": spot.column},
        }
    }
    if spot.path:
        location["logicalLocations"] = [{"fullyQualifiedName": spot.path}]
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": f"{problem.message}{hint}"},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """Relative to where the command ran, unless the file lies elsewhere."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
