"""The one page every mail is set in: readable anywhere, light and dark; it knows nothing of what is said on it."""

from collections.abc import Sequence
from html import escape

from engine.phrases import Direction


def page(
    *,
    title: str,
    preheader: str,
    content: str,
    address: Sequence[str],
    ways: Sequence[tuple[str, str]],
    language: str = "en",
    direction: Direction = "ltr",
) -> str:
    """A whole HTML document; `content` is trusted HTML, everything else is text. `language` is that of the content.

    `address`: the sender's, in lines; `ways`: what the recipient can do about mails, as (words, address).
    """
    style = _STYLE + (_RIGHT_TO_LEFT if direction == "rtl" else "")
    head = _HEAD.format(
        title=escape(title), language=escape(language), direction=direction, style=style, kept=_KEPT_STYLE
    )
    hidden = f'<div class="preheader">{escape(preheader)}{_FILLER}</div>' if preheader else ""
    lines = "<br>".join(escape(line) for line in address)
    links = "<br>".join(_WAY.format(url=escape(url), says=escape(says)) for says, url in ways)
    leave = f'<p dir="auto">{links}</p>' if links else ""
    return head + _BODY.format(hidden=hidden, content=content, address=lines, leave=leave, direction=direction)


# Keeps mailboxes from showing the mail's first words after the preheader.
_FILLER = "&#8199;&#65279;&#847; " * 40

_WAY = '<a href="{url}">{says}</a>'

_HEAD = """<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{title}</title>
<style>{style}</style>
<style data-css-inline="keep">{kept}</style>
</head>
"""

# One table centres the text; Outlook on Windows, which knows no max-width, gets one of a fixed width. They are layout
# only and say so.
_BODY = """<body dir="{direction}">
{hidden}
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">
<!--[if mso]><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" class="sheet" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td class="content">
<main>
{content}</main>
</td></tr></table>
<footer>
<table role="presentation" class="foot" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td class="small">
<p dir="auto">{address}</p>
{leave}
</td></tr></table>
</footer>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body>
</html>
"""

# Written onto the elements, since many mailboxes drop style sheets.
_STYLE = """
body { margin: 0; padding: 0; background-color: #f4f5f7; color: #1c2430; }
table { border-collapse: collapse; }
.preheader { display: none; max-height: 0; overflow: hidden; mso-hide: all; font-size: 1px; line-height: 1px; }
.page { background-color: #f4f5f7; }
.page > tbody > tr > td { padding: 24px 12px; }
.sheet { max-width: 600px; background-color: #ffffff; border-radius: 12px; }
.content { padding: 32px 32px 20px; text-align: left; color: #1c2430;
  font-family: -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
  font-size: 16px; line-height: 1.6; }
.content p { margin: 0 0 16px; }
.content h1 { margin: 0 0 16px; font-size: 24px; line-height: 1.3; font-weight: 650; }
.content h2 { margin: 24px 0 12px; font-size: 19px; line-height: 1.35; font-weight: 650; }
.content h3 { margin: 20px 0 8px; font-size: 16px; line-height: 1.4; font-weight: 650; }
.content ul, .content ol { margin: 0 0 16px; padding: 0 0 0 24px; }
.content li { margin: 0 0 6px; }
.content blockquote { margin: 0 0 16px; padding: 2px 0 2px 16px; border-left: 3px solid #c9d0da; color: #4a5565; }
.content code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; background-color: #eef0f3;
  padding: 1px 4px; border-radius: 4px; }
.content pre { margin: 0 0 16px; padding: 12px; background-color: #eef0f3; border-radius: 8px; white-space: pre-wrap; }
.content pre code { padding: 0; background-color: transparent; }
.content hr { margin: 24px 0; border: 0; border-top: 1px solid #dfe3e8; }
.content img { max-width: 100%; height: auto; border: 0; }
.content a { color: #1a56c4; text-decoration: underline; }
.content a.button { display: inline-block; border: solid #1a56c4; border-width: 12px 22px; background-color: #1a56c4;
  color: #ffffff; font-weight: 600; text-decoration: none; border-radius: 8px; }
.scale { margin: 0 0 8px; }
.content .score { padding: 0 1px 8px; }
.content .score a { display: block; padding: 9px 0; text-align: center; font-weight: 600;
  text-decoration: none; border: 1px solid #c9d0da; border-radius: 6px; }
.content .ends { color: #5b6675; font-size: 13px; }
.foot { max-width: 600px; }
.small { padding: 16px 32px; text-align: left; color: #5b6675;
  font-family: -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
  font-size: 13px; line-height: 1.5; }
.small p { margin: 0 0 8px; }
.small a { color: #5b6675; text-decoration: underline; }
"""

_RIGHT_TO_LEFT = """
.content, .small { text-align: right; }
.content ul, .content ol { padding: 0 24px 0 0; }
.content blockquote { padding: 2px 16px 2px 0; border-left: 0; border-right: 3px solid #c9d0da; }
.content pre { direction: ltr; text-align: left; }
"""

# Stays a style sheet, hence !important against what was written onto the elements.
_KEPT_STYLE = """
@media (prefers-color-scheme: dark) {
  body, .page { background-color: #12161c !important; }
  .sheet { background-color: #1c222b !important; }
  .content, .content h1, .content h2, .content h3 { color: #e6e9ee !important; }
  .content blockquote { color: #b5bdc9 !important; border-color: #49546a !important; }
  .content code, .content pre { background-color: #2a323e !important; }
  .content pre code { background-color: transparent !important; }
  .content hr { border-top-color: #3a4453 !important; }
  .content a { color: #8ab4ff !important; }
  .content a.button { background-color: #8ab4ff !important; border-color: #8ab4ff !important;
    color: #10151d !important; }
  .content .score a { border-color: #5a667a !important; }
  .content .ends { color: #a3adba !important; }
  .small, .small a { color: #a3adba !important; }
}
@media (max-width: 480px) {
  .content { padding: 24px 20px 12px !important; }
  .small { padding: 16px 20px !important; }
  .content .score a { font-size: 14px !important; }
}
@media (max-width: 360px) {
  .page > tbody > tr > td { padding: 12px 4px !important; }
  .content { padding: 20px 10px 10px !important; }
  .small { padding: 14px 10px !important; }
}
"""
