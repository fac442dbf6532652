"""The app's own JavaScript: a file for each thing it does in the browser, and the loader that makes components of them.

The Python beside the files puts the components on a page: `page_scripts`, `cookie_bridge` and `timer`.
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer
from streamlit.delta_generator import DeltaGenerator

__all__ = ["bundle", "component", "invisible"]

FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)


def component(name: str, file: str, *, html: str | None = None, css: str | None = None) -> ComponentRenderer:
    """Register a JavaScript file of this folder as a Streamlit component."""
    return st.components.v2.component(name, html=html, css=css, js=bundle(file))


def invisible(name: str) -> DeltaGenerator:
    """Return a container for a script; assets/frame.css gives it no room on the page."""
    return st.container(key=f"script-{name}")


def bundle(file: str) -> str:
    """Return the script with its imports put in their place: the browser gets one text, with no folder beside it."""
    return _IMPORT.sub(lambda found: _read(found[1]).replace("export ", ""), _read(file))


def _read(file: str) -> str:
    return (FOLDER / file).read_text("utf-8")
