"""Finds what a person wrote in a reply: the words above what their program quotes; and the words of an HTML mail."""

import re
from html.parser import HTMLParser

_INTRODUCES = re.compile(
    r"(On|Am|Le|El)\b.{0,200}\b(wrote|schrieb|a écrit|escribió)\b.{0,80}:\s*$|"
    r"-{2,}\s*(Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)\s*-{2,}\s*$|"
    r"_{20,}\s*$",
    re.IGNORECASE | re.DOTALL,
)
_HEADS = re.compile(r"(From|Von|De):\s.+$", re.IGNORECASE)
_FURTHER_HEADS = re.compile(r"(Sent|Date|Gesendet|Datum|Envoyé|Date|Enviado|Fecha|To|An|À|Para):\s", re.IGNORECASE)
_MOST_LINES = 2_000


def without_quotation(text: str) -> str:
    """The words above the quotation; all of them where they stand below or between."""
    lines = [line.rstrip() for line in text.split("\n")[:_MOST_LINES]]
    above = "\n".join(lines[: _begin(lines)]).strip()
    if above:
        return above
    return "\n".join(line for line in lines if not line.startswith(">")).strip()


def _begin(lines: list[str]) -> int:
    for n, line in enumerate(lines):
        if line.startswith(">"):
            return n
        # Programs wrap their introduction over two lines, or three.
        if any(_INTRODUCES.match("\n".join(lines[n : n + more])) for more in (1, 2, 3)) and line.strip():
            return n
        if _HEADS.match(line) and any(_FURTHER_HEADS.match(other) for other in lines[n + 1 : n + 4]):
            return n
    return len(lines)


def plain_of(html: str) -> str:
    """The words of an HTML mail in lines; quotations get the mark that they have in plain text."""
    words = _Words()
    words.feed(html[:500_000])
    words.close()
    return words.text()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._hidden = 0
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the library's word
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "blockquote":
            self._quoted += 1
            self._lines.append("")
        elif tag in _BREAKING:
            self._lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "blockquote":
            self._quoted = max(0, self._quoted - 1)
            self._lines.append("")
        elif tag in _BREAKING and tag != "br":
            self._lines.append("")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        words = _SPACES.sub(" ", data)
        begins = "> " if self._quoted and not self._lines[-1] and words.strip() else ""
        self._lines[-1] += begins + words

    def text(self) -> str:
        lines = [_SPACES.sub(" ", line).strip() for line in self._lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


_SPACES = re.compile(r"\s+")
_HIDDEN = frozenset({"head", "script", "style", "title"})
_BREAKING = frozenset({"br", "div", "h1", "h2", "h3", "hr", "li", "p", "table", "tr", "ul", "ol"})
