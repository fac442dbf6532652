"""Makes texts safe to draw as Markdown: words of people, files and errors as they are, a reply without what loads.

A picture in a reply would load by itself, and its address could carry the person's words to a stranger's server. So no
text leaves this module with an exclamation mark directly before a bracket where Markdown could make a picture of it,
or with a code block that Streamlit draws as a diagram, because a diagram can load pictures, too. Links stay.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator

__all__ = ["escape", "safe_markdown", "safe_markdown_stream"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|$<>~:@&=])")
# Four spaces or a tab at the beginning of a line would make it code.
_INDENT = re.compile(r"(?<![^\r\n])[ \t]+")

# Without one of these, Markdown cannot find the address of a picture: ![x](address), or ![x] with [x]: address.
_ADDRESS = re.compile(r"\](?:\(|:)")
# The beginning of a code block with its language, which is the text after it to the end of the line.
_FENCE = re.compile(r"(`{3,}|~{3,})([^\r\n]*)")
_CODE = re.compile(
    r"(?:(?<=\n)|\A)[ \t>]*(?P<fence>`{3,}|~{3,}).*?(?:\n[ \t>]*(?P=fence)|\Z)"  # a block
    r"|(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)",  # a span
    re.DOTALL,
)
# An escaped character; a sum of money, of which two in one line would become a formula; and one of Streamlit's
# directives for colours, small letters and badges, which a model does not mean.
_MARK = re.compile(r"\\.|\$\$+|(?P<sum>\$)|(?P<directive>:)(?=[a-z]+(?:-[a-z]+)*\[)", re.DOTALL)
# A formula as models write it: \(…\) in a line, \[…\] in a line or in lines of its own, and $…$, which may be two sums.
# The first alternative passes over what is escaped, and over formulas that have Streamlit's own marks.
_FORMULA = re.compile(
    r"\\[^(\[]|\$\$+"
    r"|\\\((?P<inline>(?:(?!\\\()[^\n$])+?)\\\)"
    r"|(?P<before>(?:(?<=\n)|\A)[ \t>]*)\\\[(?P<block>(?:(?!\\\[|\n[ \t]*\n)[^$])+?)\\\][ \t]*(?=\n|\Z)"
    r"|\\\[(?P<displayed>(?:(?!\\\[)[^\n$])+?)\\\]"
    r"|(?<![A-Za-z0-9])\$(?P<dollars>(?![\s\d.,]*\$)\S(?:[^\n$]*[^\s$])?)\$(?![A-Za-z0-9$])",
    re.DOTALL,
)
_OPERATORS = re.compile(r"[A-Za-z0-9)] ?[=<>+*/] ?[A-Za-z0-9(]")
_WORD = re.compile(r"(?!(?:sin|cos|tan|log|exp|lim|max|min|mod|det|gcd)\b)[A-Za-z]{3}")
# A picture with its address in it; what is left of it is a link, which loads nothing before it is pressed.
_PICTURE = re.compile(r"(?<!\\)!\[(?P<name>[^\]\[\n]*)\]\([ \t]*<?(?P<address>[^()\s<>]*)>?(?:[ \t]+[^()\n]*)?\)")

# The end of a piece of text that may be the beginning of one of these marks.
_BEGUN = re.compile(r"(?:(?:`{3,}|~{3,})[^\r\n]*|[`~]+|:[a-z-]*|[!$\\]+)\Z")


def escape(words: str) -> str:
    """Return Markdown that shows a text as it was written."""
    return _MARKDOWN.sub(r"\\\1", _INDENT.sub("", words))


def safe_markdown(markdown: str) -> str:
    """Return a reply's Markdown without pictures and diagrams, its sums of money and directives as plain text.

    Code keeps its marks, except where they could be a picture outside of it: what is code to us might not be code to
    the browser. Pictures become links, and formulas get the marks that Streamlit knows.
    """
    linked = _outside_code(markdown, lambda text: _PICTURE.sub(_link, text))
    loading_nothing = _without_diagrams(_without_pictures(linked) if _ADDRESS.search(linked) else linked)
    return _outside_code(loading_nothing, _with_formulas)


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    changed, end = [], 0
    for code in _CODE.finditer(markdown):
        changed += [change(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*changed, change(markdown[end:])])


def _link(picture: re.Match[str]) -> str:
    name, address = picture["name"].strip(), picture["address"]
    return f"[{name or 'picture'}]({address})" if address else name


def _with_formulas(markdown: str) -> str:
    """Return the text with Streamlit's marks for formulas, and with its other marks as plain text."""
    drawn, end = [], 0
    while found := _FORMULA.search(markdown, end):
        formula = _formula(found)
        # What is no formula begins with one plain mark; behind it, another formula may begin.
        drawn += [_plain_marks(markdown[end : found.start()]), formula or _plain_marks(found[0][0])]
        end = found.end() if formula else found.start() + 1
    return "".join([*drawn, _plain_marks(markdown[end:])])


def _formula(found: re.Match[str]) -> str | None:
    """Return a formula between Streamlit's marks, or None for sums of money."""
    if inline := (found["inline"] or "").strip():
        return f"${inline}$"
    if block := (found["block"] or "").strip("\n\t >"):
        before = found["before"]
        return f"{before}$$\n{before}{block}\n{before}$$"
    if displayed := (found["displayed"] or "").strip():
        return f"$${displayed}$$"
    if dollars := found["dollars"]:
        return found[0] if _is_formula(dollars) else None
    return found[0]


def _is_formula(between: str) -> bool:
    """Return whether what stands between two dollars is a formula: it has an operator, or is one short name."""
    if re.search(r"[\\^_{}]", between) or re.fullmatch(r"[A-Za-z]['′]?(?:\([A-Za-z, ]+\))?|[A-Z]{2}", between):
        return True
    return bool(_OPERATORS.search(between) and re.search("[A-Za-z]", between) and not _WORD.search(between))


def safe_markdown_stream(pieces: Iterable[str]) -> Iterator[str]:
    """Make a reply safe that is still being written; a mark may be split between two pieces.

    What comes later is not known yet, so marks are changed in code, too: draw the whole reply anew at its end.
    """
    held = ""
    for piece in pieces:
        written = held + piece
        begun = _BEGUN.search(written)
        ready, held = (written[: begun.start()], begun[0]) if begun else (written, "")
        yield _piece(ready)
    yield _piece(held)


def _piece(markdown: str) -> str:
    return _plain_marks(_without_diagrams(_without_pictures(markdown)))


def _without_pictures(markdown: str) -> str:
    """Put a backslash before the bracket. Before the "!", a backslash of the text's own would take its effect away."""
    return markdown.replace("![", r"!\[")


def _without_diagrams(markdown: str) -> str:
    return _FENCE.sub(lambda found: f"{found[1]}text" if _is_diagram(found) else found[0], markdown)


def _is_diagram(fence: re.Match[str]) -> bool:
    """Whether a code block is in Mermaid's language. Within a line, backticks that end again are no code block."""
    language = html.unescape(fence[2]).lower()
    return "mermaid" in language and not (fence[1][0] == "`" and "`" in fence[2])


def _plain_marks(markdown: str) -> str:
    return _MARK.sub(lambda found: f"\\{found[0]}" if found["sum"] or found["directive"] else found[0], markdown)
