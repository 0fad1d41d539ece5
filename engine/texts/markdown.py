"""Turns Markdown with values in it into HTML and into plain text; a value can never become structure.

Values enter as inert words, Markdown is parsed, and only then do they take the place of their words in the parsed text:
there is no escaping to get wrong, inside emphasis, code and links alike.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from engine.texts.filters import RenderError, show
from engine.texts.templates import MAX_OUTPUT

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

_ALLOWED = re.compile(r"https?://[^/]|mailto:", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_ALLOWED_IMAGE = re.compile(r"https://[^/]", re.IGNORECASE)
_COMPONENT = "-_.!~*'()"


class Words:
    """The values of one mail, each behind a word that the author's text does not contain."""

    def __init__(self, source: str) -> None:
        lower, salt = source.lower(), 0
        while f"zq{salt}x" in lower:
            salt += 1
        self._prefix = f"zq{salt}x"
        self._pattern = re.compile(rf"{self._prefix}(\d+)z")
        self._values: list[str] = []
        self._length = 0

    def stand_in(self, value: Any) -> str:
        """The word to put into the Markdown; white space in a value becomes single spaces."""
        printable = "".join(char if char.isprintable() else " " for char in show(value))
        self._values.append(" ".join(printable.split()))
        self._length += len(self._values[-1])
        if self._length > MAX_OUTPUT:
            raise RenderError(f"the values are longer than {MAX_OUTPUT:,} characters")
        return f"{self._prefix}{len(self._values) - 1}z"

    def text(self, content: str) -> str:
        return self._pattern.sub(lambda found: self._values[int(found[1])], content)

    def address(self, href: str) -> str:
        """A value that begins a link is an address; anywhere else in one it is a quoted part of it."""
        from mdurl import encode

        keep = _COMPONENT + "@" if href.lower().startswith("mailto:") else _COMPONENT

        def quoted(found: re.Match[str]) -> str:
            value = self._values[int(found[1])]
            return encode(value) if found.start() == 0 else encode(value, keep, keep_escaped=False)

        return self._pattern.sub(quoted, href)


def parse_markdown(source: str, words: Words) -> "list[Token]":
    """The parsed text with all values in place; raises RenderError for a link that leads nowhere."""
    tokens = _parser().parse(source)
    for token in _all(tokens):
        _fill_in(token, words)
    for paragraph, inline in pairwise(tokens):
        if paragraph.type == "paragraph_open" and not paragraph.hidden:
            _make_button(inline.children or [])
    return tokens


def lead_through(tokens: "Iterable[Token]", through: Callable[[str], str]) -> None:
    """Lead every web link to where `through` says; mail addresses stay as they are."""
    for token in _all(tokens):
        address = str(token.attrs.get("href", ""))
        if _WEB.match(address):
            token.attrs["href"] = through(address)


def to_html(tokens: "Sequence[Token]") -> str:
    parser = _parser()
    return str(parser.renderer.render(tokens, parser.options, {}))


def to_plain(tokens: "Sequence[Token]") -> str:
    """The same mail for readers of plain text: `text <address>` for links, marks for lists and quotations."""
    from markdown_it.tree import SyntaxTreeNode

    return "\n".join(_blocks(SyntaxTreeNode(tokens).children)).strip("\n") + "\n"


@lru_cache(maxsize=1)
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    # Addresses are judged once the values are in them; the parser would otherwise drop some silently.
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


def _all(tokens: "Iterable[Token]") -> "Iterable[Token]":
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _fill_in(token: "Token", words: Words) -> None:
    token.content = words.text(token.content)
    token.info = ""
    for name, value in token.attrs.items():
        if name in ("href", "src"):
            token.attrs[name] = _checked(words.address(str(value)), name)
        elif isinstance(value, str):
            token.attrs[name] = words.text(value)


def _checked(address: str, attribute: str) -> str:
    allowed = _ALLOWED if attribute == "href" else _ALLOWED_IMAGE
    if not allowed.match(address):
        what = "a link leads to" if attribute == "href" else "a picture comes from"
        raise RenderError(f"{what} {address[:80]!r}, which is not a web address; check the field it comes from")
    return address


def _make_button(children: "Sequence[Token]") -> None:
    """A paragraph that is nothing but a link is what the mail asks for: shown as a button."""
    links = [token for token in children if token.type == "link_open"]
    if len(links) == 1 and children[0] is links[0] and children[-1].type == "link_close":
        links[0].attrSet("class", "button")


# --- plain text -------------------------------------------------------------------------------------------------------


def _blocks(nodes: "Sequence[SyntaxTreeNode]") -> list[str]:
    lines: list[str] = []
    is_tight = False
    for node in nodes:
        is_tight = is_tight or (node.type == "paragraph" and node.hidden)
        if lines and not is_tight:
            lines.append("")
        lines += _block(node)
    return lines


def _block(node: "SyntaxTreeNode") -> list[str]:
    return _BLOCKS.get(node.type, _paragraph)(node)


def _paragraph(node: "SyntaxTreeNode") -> list[str]:
    return _inline(node).split("\n")


def _heading(node: "SyntaxTreeNode") -> list[str]:
    text = _inline(node).replace("\n", " ")
    return [text, ("=" if node.tag == "h1" else "-") * min(len(text), 72)]


def _list(node: "SyntaxTreeNode") -> list[str]:
    lines: list[str] = []
    first = int(node.attrs.get("start", 1) or 0) if node.type == "ordered_list" else None
    for number, item in enumerate(node.children):
        mark = "- " if first is None else f"{first + number}. "
        content = _blocks(item.children) or [""]
        is_loose = any(child.type == "paragraph" and not child.hidden for child in item.children)
        if lines and is_loose:
            lines.append("")
        lines += _marked(content, mark, " " * len(mark))
    return lines


def _quote(node: "SyntaxTreeNode") -> list[str]:
    return _marked(_blocks(node.children), "> ", "> ")


def _code(node: "SyntaxTreeNode") -> list[str]:
    return [f"    {line}" for line in node.content.rstrip("\n").split("\n")]


def _rule(_: "SyntaxTreeNode") -> list[str]:
    return ["* * *"]


_BLOCKS: dict[str, Callable[["SyntaxTreeNode"], list[str]]] = {
    "heading": _heading,
    "bullet_list": _list,
    "ordered_list": _list,
    "blockquote": _quote,
    "fence": _code,
    "code_block": _code,
    "hr": _rule,
}


def _marked(lines: Sequence[str], first: str, following: str) -> list[str]:
    return [f"{following if number else first}{line}".rstrip() for number, line in enumerate(lines)]


def _inline(node: "SyntaxTreeNode") -> str:
    match node.type:
        case "text" | "code_inline":
            return node.content
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return node.content
        case "link":
            return _link(node)
    return "".join(map(_inline, node.children))


def _link(node: "SyntaxTreeNode") -> str:
    text, address = "".join(map(_inline, node.children)), str(node.attrs["href"])
    return (
        address.removeprefix("mailto:") if text in (address, address.removeprefix("mailto:")) else f"{text} <{address}>"
    )
