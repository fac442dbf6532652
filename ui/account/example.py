"""What the welcome page shows of remembering: one small talk, made up, that cannot be used."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

import streamlit as st

from texts import text
from ui.frame import MARK

__all__ = ["example"]

MARKUP = """
<figure class="keepsake-example">
  <figcaption>{caption}</figcaption>
  <p class="when">{first_day}</p><p class="mine">{told}</p>
  <p class="when">{later}</p><p class="mine">{asked}</p>
  <p class="theirs">{answered}<span class="why"><img src="{mark}" alt="">{why}</span></p>
</figure>
"""
PARTS = ("caption", "first_day", "told", "later", "asked", "answered", "why")
# A picture of its own, since a page's text may load nothing.
PICTURE = f"data:image/svg+xml;base64,{b64encode(Path(MARK).read_bytes()).decode()}"


def example() -> None:
    """Said once, known later, and why."""
    words = {each: escape(text(f"welcome.example.{each}")) for each in PARTS}
    st.html(MARKUP.format(mark=PICTURE, **words))
