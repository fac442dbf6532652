"""What surrounds every page: its name, the mark, and how trouble is told. No page content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from errors import AppError

__all__ = ["MARK", "dress", "show_trouble", "trouble"]

ASSETS = Path(__file__).parent.parent / "assets"
MARK = str(ASSETS / "mark.svg")
STYLE = """
<style>
  .stMainBlockContainer { max-width: 46rem; padding-top: 3.5rem; }
  [data-testid="stChatMessage"] { background: transparent; padding-inline: 0; }
  [data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] { gap: 0.35rem; }
  [class*="st-key-chat-row"] { gap: 0.25rem; }
  [class*="st-key-open-"] { min-width: 0; flex: 1 1 auto; }
  [class*="st-key-open-"] button { justify-content: flex-start; padding-inline: 0.5rem; min-height: 2rem; }
  [class*="st-key-open-"] button > div, [class*="st-key-open-"] button span { min-width: 0; }
  [class*="st-key-chat-row-open"] [class*="st-key-open-"] button { background: rgb(128 128 128 / 0.16); }
  [data-testid="stSidebarUserContent"] .stButton button { justify-content: flex-start; text-align: start; }
  [class*="st-key-open-"] button p {
    overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  /* Buttons that are an icon to the eye and a word to a screen reader. */
  [class*="st-key-icon-"] button p {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  [class*="st-key-icon-"] { flex: none; width: auto; }
  /* What stands behind an answer is there for who looks, and quiet for who reads. */
  [class*="st-key-behind-"] button, [class*="st-key-learned-"] .stButton button { opacity: 0.85; min-height: 1.75rem; }
  [class*="st-key-behind-"] button p, [class*="st-key-learned-"] .stButton button p { font-size: 0.875rem; }
  [class*="st-key-learned-details-"] [data-testid="stVerticalBlock"] { gap: 0.1rem; }
  /* How a chat stands to memory: quiet, unless it is a temporary one. */
  .st-key-chat-memory button, .st-key-icon-forget-chat button { opacity: 0.85; min-height: 1.75rem; }
  .st-key-chat-memory button p { font-size: 0.875rem; }
  .st-key-temporary-band { border: 1px dashed rgb(128 128 128 / 0.6); border-radius: 0.6rem; padding: 0.4rem 0.8rem; }
  [class*="st-key-attached-"] [data-testid="stVerticalBlock"] { gap: 0.25rem; }
  .stChatMessage p, .stChatMessage li { unicode-bidi: plaintext; text-align: start; }
  /* Scripts without anything to see take no room. */
  [data-testid="stLayoutWrapper"]:has(> [class*="st-key-errand"]) { position: absolute; height: 0; overflow: hidden; }
  /* Cameras read dark on light, whatever the theme. */
  .st-key-factor-picture img { background: #fff; padding: 0.75rem; }
  @media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
</style>
"""


def dress() -> None:
    """Name the browser tab, show the mark, and set what the theme cannot."""
    st.set_page_config(page_title="Keepsake", page_icon=MARK, layout="centered")
    st.logo(str(ASSETS / "wordmark.svg"), size="large")
    st.html(STYLE)


@contextmanager
def trouble() -> Iterator[None]:
    """Show an error of ours where it happens, as its sentence, instead of the rest of the block."""
    try:
        yield
    except AppError as error:
        show_trouble(error)


def show_trouble(error: AppError) -> None:
    """One sentence that says what happened and what to do."""
    st.error(str(error), icon=":material/error:")
