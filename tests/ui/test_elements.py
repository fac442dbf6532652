"""A model's Markdown as it is drawn: nothing loads by itself, and what only looks like markup is text."""

from __future__ import annotations

import random

import pytest

from ui.elements import safe_markdown, safe_markdown_stream

WRITTEN = [
    ("![seen](http://x/y.png)", r"\![seen](http://x/y.png)"),
    ("It costs $5, or $10.", r"It costs \$5, or \$10."),
    ("$$a^2$$ stays a formula", "$$a^2$$ stays a formula"),
    (r"\$5 is written so already", r"\$5 is written so already"),
    (":red[urgent]", r"\:red[urgent]"),
    ("see :blue-background[here] and :orange-badge[there]", r"see \:blue-background[here] and \:orange-badge[there]"),
    ("At 10:30, note: [a link](https://x)", "At 10:30, note: [a link](https://x)"),
    ("a dictionary `{a: [1]}`", "a dictionary `{a: [1]}`"),
    ("It ends with a colon:", "It ends with a colon:"),
    ("and so on!", "and so on!"),
]


@pytest.mark.parametrize(("written", "drawn"), WRITTEN, ids=[each for each, _ in WRITTEN])
def test_a_reply_loads_nothing_and_is_shown_as_meant(written: str, drawn: str) -> None:
    assert safe_markdown(written) == drawn


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
