"""What the browser makes of texts: Streamlit's own Markdown parser finds no picture and no diagram in any of them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from memory.embedded.loopback import free_port
from ui.safe_text import escape, safe_markdown, safe_markdown_stream

pytestmark = pytest.mark.browser

ELSEWHERE = "http://evil.example"
PICTURE = f"![x]({ELSEWHERE}/i.png)"
DIAGRAM = '```mermaid\nflowchart LR\nA@{ img: "http://evil.example/d.png", label: "x", w: 60, h: 60 }\n```'
MARKS = ["!", "[", "]", "(", ")", "\\", "\\", "`", "```", "~~~", "\n", "\n\n", "    ", "> ", "- ", "1. ", "|", "|-|\n"]
MARKS += [
    PICTURE,
    f"\\{PICTURE}",
    f"\\\\{PICTURE}",
    f"[x]: {ELSEWHERE}/r.png\n",
    "![x]",
    "[x]",
    f"]({ELSEWHERE}/a.png)",
]
MARKS += [
    "```mermaid\n",
    "~~~MerMaid x\n",
    "```mer&#109;aid\n",
    "flowchart LR\nA-->B\n",
    "$",
    "$$",
    ":red[",
    "<img src=",
]
MARKS += ["<img src=", f"<{ELSEWHERE}/", ">", "&#33;", "&excl;", "&", "*", "_", "^", "#", "word", " "]
SCRIPT = """
import json, sys
import streamlit as st
for text in json.load(open(sys.argv[1])):
    st.markdown(text)
st.text("That was all.")
"""


def hostile_texts(number: int) -> Iterator[str]:
    """Texts put together from the marks that a picture or a diagram could begin with."""
    some = random.Random(11)
    for _ in range(number):
        written = "".join(some.choice(MARKS) for _ in range(some.randint(2, 14)))
        cut = some.randint(0, len(written))
        yield from (safe_markdown(written), escape(written).replace("\n", "  \n"))
        yield "".join(safe_markdown_stream([written[:cut], written[cut:]]))
    for written in (PICTURE, f"\\{PICTURE}", DIAGRAM, f"![x][y]\n\n[y]: {ELSEWHERE}/y.png"):
        yield from (safe_markdown(written), "".join(safe_markdown_stream(written)))


@contextmanager
def _page_of(folder: Path, texts: list[str]) -> Iterator[str]:
    """Serve a page on which Streamlit draws these texts."""
    (folder / "texts.json").write_text(json.dumps(texts))
    (folder / "page.py").write_text(SCRIPT)
    port = free_port()
    options = [f"--server.port={port}", "--server.headless=true", "--browser.gatherUsageStats=false"]
    command = [sys.executable, "-m", "streamlit", "run", "page.py", *options, "--", str(folder / "texts.json")]
    with subprocess.Popen(command, cwd=folder, env={"PATH": "", "HOME": str(folder)}, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            while f":{port}".encode() not in server.stdout.readline():
                assert server.poll() is None
            yield f"http://localhost:{port}"
        finally:
            server.kill()


def _loaded(browser: Browser, address: str) -> set[str]:
    """Open a page, and return what it asked of another host and the pictures and diagrams in it."""
    asked: set[str] = set()
    page = browser.new_page()
    page.on("request", lambda request: asked.add(request.url) if request.url.startswith(ELSEWHERE) else None)
    page.goto(address)
    expect(page.get_by_text("That was all.")).to_be_visible(timeout=60_000)
    page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length === 0", timeout=60_000)
    drawn = page.locator("[data-testid=stMarkdown]").locator("img, image, video, audio, iframe, svg[id^=mermaid]")
    found = {each.evaluate("element => element.outerHTML.slice(0, 200)") for each in drawn.all()}
    page.close()
    return asked | found


def test_the_browser_finds_nothing_to_load_in_any_text(browser: Browser, tmp_path: Path) -> None:
    with _page_of(tmp_path, list(hostile_texts(150))) as address:
        assert _loaded(browser, address) == set()


@pytest.mark.parametrize("written", [PICTURE, DIAGRAM])
def test_the_browser_does_load_what_was_not_made_safe(browser: Browser, tmp_path: Path, written: str) -> None:
    with _page_of(tmp_path, [written]) as address:
        assert _loaded(browser, address)
