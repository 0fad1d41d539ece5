"""Prints problems with their lines, for commands whose output is something else."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from app.reports import Lines
from app.reports.human import told
from app.running import say
from engine.problems import Problem


def print_problems(problems: Sequence[Problem], files: Mapping[str, bytes], folder: str) -> None:
    """To standard error, for commands whose output is something else; `folder` leads the names in the problems."""
    lines_of = lines_of_files({joined(folder, name): content for name, content in files.items()})
    for problem in problems:
        say(told(problem, lines_of(problem.spot.file)))


def joined(root: str, name: str) -> str:
    """A file as people call it: below the folder that they named."""
    return f"{root}/{name}" if root else name


_BREAK = re.compile(r"\r\n|[\r\n]")
_YAML_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


def lines_of_files(files: Mapping[str, bytes]) -> Lines:
    """The lines of these files as their readers count them: YAML breaks lines at more characters than others."""

    @cache
    def lines_of(file: str) -> Sequence[str]:
        text = files.get(file, b"").decode("utf-8", "replace").removeprefix("\ufeff")
        return (_YAML_BREAK if file.endswith((".yaml", ".yml")) else _BREAK).split(text)

    return lines_of
