"""A real yaml-language-server on standard input and output, as editors run it."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import pytest

# The last line of releases that runs on the Node of Debian's stable release.
VERSION = "1.19.2"
_CACHE = Path(__file__).resolve().parents[2] / ".venv" / f"yaml-language-server-{VERSION}"
_PROGRAM = Path("node_modules/yaml-language-server/bin/yaml-language-server")


def installed() -> Path:
    """Where the server is, installed the first time; skips the test where Node or its registry is not at hand."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed; on Debian: apt-get install nodejs npm")
    if not (_CACHE / _PROGRAM).is_file():
        _CACHE.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE.parent) as folder:
            package = f"yaml-language-server@{VERSION}"
            command = ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", package]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                pytest.skip(f"npm could not install {package}: {done.stderr.strip()[-300:]}")
            try:
                Path(folder).rename(_CACHE)
            except OSError:  # another test process was faster
                assert (_CACHE / _PROGRAM).is_file()
            else:
                Path(folder).mkdir()
    return _CACHE / _PROGRAM


class LanguageServer:
    """Opens documents, and tells what an editor would show. Lines and columns count from 0."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(installed()), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )
        self._asked = 0
        can = {"completion": {"completionItem": {"snippetSupport": True}}, "hover": {"contentFormat": ["markdown"]}}
        self._ask("initialize", {"processId": None, "rootUri": None, "capabilities": {"textDocument": can}})
        self._tell("initialized", {})
        yaml = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": yaml}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def problems(self, file: Path, text: str) -> list[tuple[int, int, str]]:
        """What it underlines: line, column and message."""
        uri = file.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        while True:
            said = self._read()
            if said.get("method") == "textDocument/publishDiagnostics" and said["params"]["uri"] == uri:
                starts = [(one["range"]["start"], one["message"]) for one in said["params"]["diagnostics"]]
                return [(start["line"], start["character"], message) for start, message in starts]
            self._answer(said)

    def completions(self, file: Path, line: int, column: int) -> list[str]:
        """The words it offers in an open document."""
        found = self._ask("textDocument/completion", self._place(file, line, column)) or {}
        return list(dict.fromkeys(item["label"] for item in found.get("items", [])))

    def hover(self, file: Path, line: int, column: int) -> str:
        """The text over a word of an open document."""
        found = self._ask("textDocument/hover", self._place(file, line, column)) or {}
        return str(found.get("contents", {}).get("value", ""))

    @staticmethod
    def _place(file: Path, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": column}}

    def _ask(self, method: str, params: Any) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            said = self._read()
            if said.get("id") == self._asked and "method" not in said:
                assert "error" not in said, said
                return said["result"]
            self._answer(said)

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _answer(self, said: Any) -> None:
        """It asks for things, such as its configuration; it gets nothing, and goes by what it was told."""
        if "id" in said and "method" in said:
            self._send({"id": said["id"], "result": None})

    def _send(self, message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has ended"
        return json.loads(self._process.stdout.read(length))
