"""`tenure schema`: the JSON Schemas by which editors complete, explain and check what authors write."""

import json
from collections.abc import Iterator
from pathlib import Path

from app.files import replace_file
from app.running import UsageError, say
from engine.authoring.schema import SCHEMAS, schema_of

ALL = "all"


def show_schema(name: str, out: Path | None) -> None:
    """Print one schema, or write those asked for into a folder as NAME.json."""
    if name not in (*SCHEMAS, ALL):
        raise UsageError(f"there is no schema {name!r}; there are {', '.join((*SCHEMAS, ALL))}")
    names = list(SCHEMAS) if name == ALL else [name]
    if out is None:
        if name == ALL:
            raise UsageError("several schemas need a folder: tenure schema --out schema")
        print(_text(name), end="")
        return
    for file in write_schemas(out, names):
        say(f"wrote {file}")


def write_schemas(folder: Path, names: list[str]) -> Iterator[Path]:
    """The files, each as it is written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            file = folder / f"{name}.json"
            replace_file(file, _text(name).encode())
            yield file
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror})") from error


def _text(name: str) -> str:
    return json.dumps(schema_of(name), ensure_ascii=False, indent=2) + "\n"
