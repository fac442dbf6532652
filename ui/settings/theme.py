"""Light, dark, or the system's theme: the person's choice, which stays in this browser. The server never learns it.

Streamlit's own switch is in a menu that this app hides. Streamlit keeps the choice in the browser's storage under the
path of each page and reads it when it loads the page; the script writes there.
"""

from __future__ import annotations

from auth.cookie_tasks import stays_signed_in
from ui.browser import component
from ui.browser.cookie_bridge import PAGE_NAMES
from ui.frame import ASSETS

__all__ = ["THEMES", "draw_theme_choice"]

# Streamlit's names, and what the buttons say.
THEMES = (("System", "As the system"), ("Light", "Light"), ("Dark", "Dark"))
MARKUP = "<fieldset><legend></legend></fieldset><p role='status'></p>"
_theme = component("keepsake_lights", "theme.js", html=MARKUP, css=(ASSETS / "theme.css").read_text("utf-8"))


def draw_theme_choice() -> None:
    """Draw three radio buttons. Where a reload would sign the person out, the choice counts from the next visit."""
    _theme(
        key="lights",
        data={
            "legend": "Light or dark, on this device",
            "later": "It will look like this when you open Keepsake again.",
            "themes": THEMES,
            "pages": PAGE_NAMES,
            "kept": stays_signed_in(),
        },
        height="content",
    )
