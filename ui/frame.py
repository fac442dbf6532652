"""What surrounds every page: its name, the mark, and how trouble is told. No page content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from memory.errors import AppError

__all__ = ["MARK", "set_up_page", "show_error", "show_errors"]

ASSETS = Path(__file__).parent.parent / "assets"
MARK = str(ASSETS / "mark.svg")
STYLE = f"<style>{(ASSETS / 'frame.css').read_text()}</style>"


def set_up_page() -> None:
    """Name the browser tab, show the mark, and set what the theme cannot."""
    st.set_page_config(page_title="Keepsake", page_icon=MARK, layout="centered")
    st.logo(str(ASSETS / "wordmark.svg"), size="large")
    st.html(STYLE)


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error of ours where it happens, as its sentence, instead of the rest of the block."""
    try:
        yield
    except AppError as error:
        show_error(error)


def show_error(error: AppError) -> None:
    """One sentence that says what happened and what to do."""
    st.error(str(error), icon=":material/error:")
