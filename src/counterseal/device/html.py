"""
HTML as text: the lines that a question in HTML says, for a device that renders none of it.

Clients of the CX service ask in HTML. A reader gets every text node in the order of the source, no
matter what a style hides, strikes through or moves; elements that are blocks begin and end lines,
and white space is collapsed. Scripts, styles, comments and pictures are counted, and left out.

Two parsers agree only on HTML that is written plainly: `html.parser` builds no tree, and a browser
builds one by rules that move text, drop tags and add others (HTML, 13.2.6). So the source is read
only where these rules change nothing that a reader sees, and anything else is shown as its source:

- Each tag is whole, and its element is in the lists below; `/` ends void elements only.
- An element ends before the one that it is in. Some end tags may be left out.
- Rows and cells are in tables, items in lists, and tables have no text outside of cells.
- Scripts and styles have no `</`, scripts no `<!--`, comments no `--`.
- A reference by number names a character, and no control but a tab and a line feed.

The browser's device reads the same lines: `tests/vectors/html.json`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from html.parser import HTMLParser

import attrs

LENGTH_LIMIT = 65_536
"""Characters; the policy allows 16,384 bytes of all texts of a question."""
DEPTH_LIMIT = 64
"""Elements in one another; browsers stop at 512."""


def _names(*texts: str) -> frozenset[str]:
    return frozenset(" ".join(texts).split())


_INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp",
    "small span strike strong sub sup time tt u var",
)
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_CLOSING_P = _HEADINGS | _names(
    "address article aside blockquote center dd details dir div dl dt figcaption figure footer",
    "header hgroup hr li main menu nav ol p pre section summary table ul",
)
"""Blocks whose start tag ends a paragraph (HTML, 13.2.6.4.7)."""
_PARENTS = {
    "li": _names("ul ol menu dir"),
    **dict.fromkeys(("dt", "dd"), _names("dl")),
    **dict.fromkeys(("caption", "colgroup", "thead", "tbody", "tfoot"), _names("table")),
    "col": _names("colgroup"),
    "tr": _names("table thead tbody tfoot"),
    **dict.fromkeys(("td", "th"), _names("tr")),
}
"""Elements that a browser expects there, and drops, moves or wraps elsewhere."""
_TABLE_PARTS = _names("table colgroup thead tbody tfoot tr")
"""Where text that is not in a cell is moved before the table."""
_SCOPES = _names("caption td th")
"""Beyond the innermost of these, no end tag reaches."""
_OPTIONAL_END = _names("p li dt dd colgroup thead tbody tfoot tr td th")
_BLOCKS = (_CLOSING_P | _PARENTS.keys() | _names("title br")) - _names("col colgroup")
_VOID = _names("base br col hr img link meta wbr")
_RAW = _names("script style")
_DOCUMENT = _names("html head body")
"""A document has one of each, wherever its tags are; they begin no line."""
_ELEMENTS = _INLINE | _BLOCKS | _VOID | _RAW | _DOCUMENT | {"colgroup"}

_SPACE = r"[ \t\n\f]"
_ATTRIBUTE = (
    rf"{_SPACE}+[A-Za-z_:@][-A-Za-z0-9_:.@]*"
    rf"(?:{_SPACE}*={_SPACE}*(?:\"[^\"]*\"|'[^']*'|[!#-&(-;=?-_a-~]+))?"
)
_TOKEN = re.compile(
    rf"<!--(?P<comment>(?!-?>)(?:(?!--)[\s\S])*)-->"
    r"|<!(?P<doctype>[Dd][Oo][Cc][Tt][Yy][Pp][Ee][^<>]*)>"
    rf"|<(?P<start>[A-Za-z][A-Za-z0-9]*)(?:{_ATTRIBUTE})*{_SPACE}*(?P<closed>/?)>"
    rf"|</(?P<end>[A-Za-z][A-Za-z0-9]*){_SPACE}*>"
    r"|(?P<text>[^<]+)"
)
_COMMENT = "<!-- -->"
_DOCUMENT_TYPE = "<!doctype html>"
_RAW_END = {name: re.compile(rf"</{name}{_SPACE}*>", re.IGNORECASE) for name in _RAW}
_NUMBER = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+))")
_DIGITS = 7
_UNPLAIN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]")
_LAST_OF_PLANE = 0xFFFE
"""The last two code points of each plane are no characters."""
_WHITE = re.compile("[ \\t\\n\\f\\r\u00a0]+")
"""A no-break space is one that is written so that a line does not break there."""


@attrs.frozen(kw_only=True)
class HtmlText:
    """
    What a question in HTML says.

    Attributes:
        lines: The text, in lines without a line break; none is empty.
        scripts, styles, comments, pictures: How many there are, of which nothing is in *lines*.
    """

    lines: tuple[str, ...]
    scripts: int = 0
    styles: int = 0
    comments: int = 0
    pictures: int = 0


def read_html(source: str) -> HtmlText | None:
    """
    Return the text of a question in HTML.

    It is None if the source is what has to be shown: it is not written plainly enough, it is too
    long or too deep, or it has no text.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    stripper = _Stripper()
    try:
        stripper.read(source)
    except _NotPlain:
        return None
    reader = _Reader()
    reader.feed("".join(stripper.tokens))
    reader.close()
    reader.end_line()
    if not reader.lines:
        return None
    return HtmlText(
        lines=tuple(reader.lines),
        scripts=stripper.counts["script"],
        styles=stripper.counts["style"],
        comments=stripper.counts["comment"],
        pictures=stripper.counts["img"],
    )


class _Reader(HTMLParser):
    """The lines of a source, from the tokens of a `_Stripper`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line = ""
        self._preformatted = 0

    def end_line(self) -> None:
        line = _WHITE.sub(" ", self._line).strip(" ")
        self._line = ""
        if line:
            self.lines.append(line)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self._preformatted += tag == "pre"
        if tag in _BLOCKS:
            self.end_line()

    def handle_endtag(self, tag: str) -> None:
        self._preformatted -= tag == "pre"
        if tag in _BLOCKS:
            self.end_line()

    def handle_data(self, data: str) -> None:
        first_line, *lines = data.split("\n") if self._preformatted else [data]
        self._line += first_line
        for line in lines:
            self.end_line()
            self._line = line


class _NotPlain(Exception):
    """The source is shown as it is."""


def _require(*, plain: bool) -> None:
    if not plain:
        raise _NotPlain


class _Stripper:
    """
    The tokens of a source that is written plainly.

    Attributes:
        tokens: They have no attributes, and an empty comment in the place of each comment, script
            and style. So nothing of what they hold is parsed, and no text touches another one.
        counts: How many comments, and elements of some names, there are.
    """

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.counts = dict.fromkeys(("script", "style", "comment", "img"), 0)
        self._nesting = _Nesting()

    def read(self, source: str) -> None:
        """Read all of *source*; `_NotPlain` is raised for what is not written plainly."""
        _require(plain=len(source) <= LENGTH_LIMIT)
        _require(plain="\0" not in source and not source.startswith("\ufeff"))
        position = 0
        while position < len(source):
            token = _TOKEN.match(source, position)
            if token is None:
                raise _NotPlain
            position = self._read_token(token, source)

    def _read_token(self, token: re.Match[str], source: str) -> int:
        """Return where the next token begins."""
        if token["text"] is not None:
            self._nesting.read_text(token["text"])
            self.tokens.append(token["text"])
        elif token["end"] is not None:
            self._nesting.read_end(token["end"].lower())
            self.tokens.append(f"</{token['end']}>")
        elif token["start"] is not None:
            return self._read_start(token, source)
        else:
            self._nesting.read_mark()
            is_comment = token["comment"] is not None
            self.counts["comment"] += is_comment
            self.tokens.append(_COMMENT if is_comment else _DOCUMENT_TYPE)
        return token.end()

    def _read_start(self, token: re.Match[str], source: str) -> int:
        name = token["start"].lower()
        self._nesting.read_start(name, closed=token["closed"] == "/")
        if name in self.counts:
            self.counts[name] += 1
        self.tokens.append(_COMMENT if name in _RAW else f"<{name}>")
        return _end_of_raw(name, source, token.end()) if name in _RAW else token.end()


def _end_of_raw(name: str, source: str, start: int) -> int:
    """Return where the end tag of a script or style ends, whose content begins at *start*."""
    end = _RAW_END[name].search(source, start)
    if end is None:
        raise _NotPlain
    content = source[start : end.start()]
    _require(plain="</" not in content and (name == "style" or "<!--" not in content))
    return end.end()


class _Nesting:
    """The elements that are open; a token that is not written plainly raises `_NotPlain`."""

    def __init__(self) -> None:
        self._open: list[str] = []

    @property
    def _innermost(self) -> str:
        return self._open[-1] if self._open else ""

    def read_start(self, name: str, *, closed: bool) -> None:
        _require(plain=name in _ELEMENTS and self._innermost != "title")
        _require(plain=name in _VOID or not closed)
        if name in _DOCUMENT | _RAW:
            return
        if name in _PARENTS:
            self._close_up_to(_PARENTS[name])
        _require(plain=name in _PARENTS or self._innermost not in _TABLE_PARTS)
        if name in _CLOSING_P and self._has_paragraph():
            _require(plain=self._open.pop() == "p")
        _require(plain=not (name in _HEADINGS and self._innermost in _HEADINGS))
        _require(plain=not (name == "a" and "a" in self._open))
        _require(plain=not (name == "title" and self._open))
        if name not in _VOID:
            self._open.append(name)
        _require(plain=len(self._open) <= DEPTH_LIMIT)

    def read_end(self, name: str) -> None:
        _require(plain=name in _ELEMENTS - _VOID - _RAW)
        if name in _DOCUMENT or (name == "p" and not self._has_paragraph()):
            # Without a paragraph, a browser adds an empty one, which ends a line.
            _require(plain=name in _DOCUMENT or self._innermost not in _TABLE_PARTS)
            _require(plain=self._innermost != "title")
            return
        self._close_up_to({name})
        self._open.pop()

    def read_mark(self) -> None:
        """Read a comment or a document type, which are text in a title."""
        _require(plain=self._innermost != "title")

    def read_text(self, text: str) -> None:
        _require(plain=self._innermost not in _TABLE_PARTS or not text.strip(" \t\n\f"))
        for hexadecimal, decimal in _NUMBER.findall(text):
            digits, base = (hexadecimal, 16) if hexadecimal else (decimal, 10)
            code = int(digits, base) if len(digits) <= _DIGITS else sys.maxunicode + 1
            _require(plain=code <= sys.maxunicode and code & _LAST_OF_PLANE != _LAST_OF_PLANE)
            _require(plain=not _UNPLAIN.match(chr(code)))

    def _close_up_to(self, names: Collection[str]) -> None:
        while self._innermost not in names:
            _require(plain=self._innermost in _OPTIONAL_END)
            self._open.pop()

    def _has_paragraph(self) -> bool:
        for name in reversed(self._open):
            if name == "p" or name in _SCOPES:
                return name == "p"
        return False
