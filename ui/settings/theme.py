"""Light, dark, or as the system has it: the person's choice, which stays in this browser. The server never learns it.

Streamlit's own switch lives in a menu that this app does not show. It keeps its choice in the browser under the path
of each page, where a page looks when it is loaded; this writes there.
"""

from __future__ import annotations

import streamlit as st

from auth.cookie_tasks import staying
from texts import text
from ui.browser.cookie_bridge import PAGE_NAMES

__all__ = ["LIGHTS", "lights"]

LIGHTS = ("System", "Light", "Dark")  # in Streamlit's words
STYLE = """
fieldset { border: 0; margin: 0; padding: 0.25rem; display: flex; flex-wrap: wrap; gap: 0.5rem; min-width: 0; }
legend { padding: 0; margin-bottom: 0.5rem; font-size: 0.875rem; }
label { display: inline-flex; align-items: center; gap: 0.5rem; min-height: 2.5rem; padding: 0 0.9rem; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.75rem);
  font-family: var(--st-font); color: var(--st-text-color); }
legend { font-family: var(--st-font); color: var(--st-text-color); }
label:has(input:checked) { border-color: var(--st-primary-color); background: var(--st-secondary-background-color); }
label:has(input:focus-visible) { outline: 2px solid #c4603f; outline-offset: 2px; }
input { accent-color: var(--st-primary-color); margin: 0; outline: none; }
p { margin: 0.25rem; font: 0.875rem var(--st-font); color: var(--st-text-color); }
"""
SCRIPT = """
// The app's own folder, and the name under which Streamlit keeps the light of a page.
const folder = (pages) => {
  const path = location.pathname, page = pages.find((name) => path.endsWith(`/${name}`));
  return page ? path.slice(0, -page.length) : path.replace(/[/]?$/, "/");
};
const named = (path) => `stActiveTheme-${path}-v2`;

export default function ({ data, parentElement }) {
  const set = parentElement.querySelector("fieldset");
  if (!set || set.dataset.drawn) return;
  set.dataset.drawn = "yes";
  set.querySelector("legend").textContent = data.legend;
  let now = "System", waiting;
  try { now = JSON.parse(localStorage.getItem(named(location.pathname))) ?? now; } catch {}
  for (const [value, label] of data.lights) {
    const line = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "radio", name: "light", value, checked: value === now });
    box.addEventListener("change", () => {
      const here = folder(data.pages);
      const paths = new Set([location.pathname, here, ...data.pages.map((page) => here + page)]);
      for (const path of paths) localStorage.setItem(named(path), JSON.stringify(value));
      clearTimeout(waiting);  // arrow keys pass by one light on the way to another
      if (data.kept) waiting = setTimeout(() => location.reload(), 500);
      else parentElement.querySelector("p").textContent = data.later;
    });
    line.append(box, label);
    set.append(line);
  }
}
"""
MARKUP = "<fieldset><legend></legend></fieldset><p role='status'></p>"
_lights = st.components.v2.component("keepsake_lights", html=MARKUP, css=STYLE, js=SCRIPT)


def lights() -> None:
    """Three to choose from; where reloading would sign the person out, the choice waits for the next time."""
    _lights(
        key="lights",
        data={
            "legend": text("settings.look.legend"),
            "later": text("settings.look.later"),
            "lights": [[each, text(f"settings.look.{each.lower()}")] for each in LIGHTS],
            "pages": PAGE_NAMES,
            "kept": staying(),
        },
        height="content",
    )
