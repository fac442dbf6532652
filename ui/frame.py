"""Draws what surrounds every page: name, logo, style sheet, and the sentences of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import streamlit as st

from auth.errors import SIGNED_OUT, SessionEnded
from auth.guard import User
from memory.errors import AppError
from ui.safe_text import escape

__all__ = [
    "ASSETS",
    "MARK",
    "check_session",
    "set_up_page",
    "show_error",
    "show_errors",
    "show_problem",
    "show_warning",
    "style",
]

ASSETS = Path(__file__).parent.parent / "assets"
MARK = str(ASSETS / "mark.svg")


def set_up_page() -> None:
    """Name the browser tab, show the logo, and add the styles that Streamlit's theme has no setting for."""
    st.set_page_config(page_title="Keepsake", page_icon=MARK, layout="centered")
    st.logo(str(ASSETS / "wordmark.svg"), size="large")
    st.html(style("frame.css"))


@cache
def style(file: str) -> str:
    """Return a style sheet of assets/ as HTML."""
    return f"<style>{(ASSETS / file).read_text('utf-8')}</style>"


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an `AppError` as its sentence in place of the rest of the block that raised it."""
    try:
        yield
    except AppError as error:
        show_error(error)


def show_error(error: AppError) -> None:
    """Show the sentence of an error that is meant for people."""
    show_problem(error.for_person())


def show_problem(sentence: str) -> None:
    """Show a sentence of an error as text: it may hold words of a file, a model or a name."""
    st.error(escape(sentence), icon=":material/error:")


def show_warning(sentence: str) -> None:
    """Show what went wrong and can be tried again, as text like an error."""
    st.warning(escape(sentence), icon=":material/error:")


def check_session(user: User) -> None:
    """Raise `SessionEnded` if the person was signed out since the page was drawn."""
    if not user.is_signed_in():
        raise SessionEnded(SIGNED_OUT)
