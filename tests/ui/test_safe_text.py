"""Texts as they are drawn: a reply loads nothing by itself, and what only looks like markup is text."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ui.safe_text import escape, safe_markdown, safe_markdown_stream

WRITTEN = [
    (r"\![seen](http://x/y.png)", r"\!\[seen](http://x/y.png)"),
    (r"\\![seen](http://x/y.png)", r"\\!\[seen](http://x/y.png)"),
    ("![seen][it]\n\n[it]: http://x/y.png", "!\\[seen][it]\n\n[it]: http://x/y.png"),
    ("It costs $5, or $10.", r"It costs \$5, or \$10."),
    ("$$a^2$$ stays a formula", "$$a^2$$ stays a formula"),
    (r"\$5 is written so already", r"\$5 is written so already"),
    (r"\\$5 is not, and nor is $6", r"\\\$5 is not, and nor is \$6"),
    (":red[urgent]", r"\:red[urgent]"),
    ("see :blue-background[here] and :orange-badge[there]", r"see \:blue-background[here] and \:orange-badge[there]"),
    ("At 10:30, note: [a link](https://x)", "At 10:30, note: [a link](https://x)"),
    ("a dictionary `{a: [1]}`", "a dictionary `{a: [1]}`"),
    ("It ends with a colon:", "It ends with a colon:"),
    ("and so on!", "and so on!"),
    ("``` Mermaid\nflowchart LR\n```", "```text\nflowchart LR\n```"),
    ("> ~~~mer&#109;aid x\n> flowchart LR", "> ~~~text\n> flowchart LR"),
    ("a `mermaid`, and ```mermaid``` too", "a `mermaid`, and ```mermaid``` too"),
]


@pytest.mark.parametrize(("written", "drawn"), WRITTEN, ids=[each for each, _ in WRITTEN])
def test_a_reply_loads_nothing_and_is_shown_as_meant(written: str, drawn: str) -> None:
    assert safe_markdown(written) == drawn


# In a stream they are drawn so once the reply is complete: its beginning does not say what it will be.
WHOLE = [
    (r"So \(a^2\) is a formula", "So $a^2$ is a formula"),
    (r"\( a^2 + b^2 \), (as said)", "$a^2 + b^2$, (as said)"),
    ("So\n\n\\[ a^2 \\]\n\nis one", "So\n\n$$\na^2\n$$\n\nis one"),
    ("> \\[\n> a^2\n> \\]", "> $$\n> a^2\n> $$"),
    (r"In a line \[a^2\] it stays", "In a line $$a^2$$ it stays"),
    ("The length $l$ and $2x + 1$ and $f(x) = x^2$", "The length $l$ and $2x + 1$ and $f(x) = x^2$"),
    (r"$\frac{1}{2}$", r"$\frac{1}{2}$"),
    ("It is $5 (or 5$) and US$3/A$4", r"It is \$5 (or 5\$) and US\$3/A\$4"),
    ("From $5 to $l, from $HOME to $PATH$", r"From \$5 to \$l, from \$HOME to \$PATH\$"),
    (r"\\(not one\\) and \(open", r"\\(not one\\) and \(open"),
    (
        "See ![the map](http://e/i.png 'x') and ![img]() and ![](http://e/j)",
        "See [the map](http://e/i.png) and img and [picture](http://e/j)",
    ),
]


@pytest.mark.parametrize(("written", "drawn"), WHOLE, ids=[each for each, _ in WHOLE])
def test_formulas_are_drawn_prices_stay_prices_and_pictures_become_links(written: str, drawn: str) -> None:
    assert safe_markdown(written) == drawn


CODE = ["```rust\nlet a = vec![1, 2];\n```", "`echo $HOME $PATH`", "~~~sh\necho $HOME :red[x]\n~~~", "``a ` $b $c``"]


@pytest.mark.parametrize("written", CODE)
def test_code_in_a_reply_is_shown_letter_by_letter(written: str) -> None:
    assert safe_markdown(f"It is $5 or $6:\n\n{written}\n\nat $7.") == f"It is \\$5 or \\$6:\n\n{written}\n\nat \\$7."


def test_a_reply_is_the_same_in_whatever_pieces_it_comes() -> None:
    whole = "\n".join(each for each, _ in WRITTEN)
    some = random.Random(7)
    for _ in range(300):
        pieces, left = [], whole
        while left:
            size = some.randint(1, 6)
            pieces.append(left[:size])
            left = left[size:]
        assert "".join(safe_markdown_stream(pieces)) == safe_markdown(whole)


MARKS = ["!", "[", "]", "(", ")", "\\", "`", "```", "~~~", "\n", "\n\n", "    ", "> ", "- ", "mermaid", "mer&#109;aid"]
MARKS += ["![x](https://e/i)", "[x]: https://e", "![x]", "<https://e/", "<img src=x>", "&#33;", "&", "$", ":red[", "a"]
texts = st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=16)


@given(texts, st.integers(1, 9))
@example(["\\", "![x](https://e/i)"], 9)
@example(["```", "mermaid", "\n"], 5)
def test_no_reply_can_become_a_picture_whole_or_in_pieces(written: list[str], size: int) -> None:
    """Pictures need "![" and an address, a diagram needs its language: tests/e2e/test_markdown.py asks the browser."""
    reply = "".join(written)
    pieces = [reply[place : place + size] for place in range(0, len(reply), size)]
    so_far = ""
    for piece in safe_markdown_stream(pieces):
        so_far += piece
        assert "![" not in so_far
        assert not re.search(r"^[ >-]*```[^`\n]*mermaid(?![^\n]*`)", so_far, re.MULTILINE | re.IGNORECASE)
    drawn = safe_markdown(reply)
    assert "![" not in drawn or not re.search(r"\][(:]", drawn)


@given(texts)
def test_a_text_that_is_escaped_has_no_mark_left(written: list[str]) -> None:
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "x", escape("".join(written)))
    assert not re.search(r"[\\`*_{}\[\]()#+\-.!|$<>~:@&=]", unescaped)
    assert not re.search(r"(?:\A|[\r\n])[ \t]", unescaped)
