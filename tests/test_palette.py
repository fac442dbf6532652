"""The palette can be read: contrasts as WCAG 2.2 AA asks for, computed from the theme and the style sheet."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
THEME = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text())["theme"]
STYLE = (PROJECT / "assets" / "frame.css").read_text()
LIGHTS = ("light", "dark")
TEXT, SHAPE = 4.5, 3.0
Colour = tuple[float, float, float]


def rgb(hexadecimal: str) -> Colour:
    assert re.fullmatch(r"#[0-9a-f]{6}", hexadecimal), hexadecimal
    red, green, blue = (int(hexadecimal[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def over(upper: Colour, lower: Colour, share: float) -> Colour:
    """A colour that lets through what is below it."""
    red, green, blue = (share * above + (1 - share) * below for above, below in zip(upper, lower, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def grounds(light: str) -> Iterator[Colour]:
    """Whatever words stand on: page and sidebar, boxes to write in, and the example of the welcome page."""
    for part in (THEME[light], THEME[light]["sidebar"]):
        yield rgb(part["backgroundColor"])
        yield rgb(part["secondaryBackgroundColor"])
    for pair in re.findall(r"background: light-dark\((#\w+), (#\w+)\)", STYLE):
        yield rgb(pair[LIGHTS.index(light)])


def accent(light: str) -> Colour:
    share = re.search(r"--accent: color-mix\(in srgb, var\(--ring\) (\d+)%, currentColor\)", STYLE)
    assert share
    return over(ring(), rgb(THEME[light]["textColor"]), int(share[1]) / 100)


def ring() -> Colour:
    found = re.search(r"--ring: (#\w+)", STYLE)
    assert found
    return rgb(found[1])


def test_contrast_is_computed_as_in_the_guidelines() -> None:
    assert contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21)
    assert contrast(rgb("#767676"), rgb("#ffffff")) == pytest.approx(4.54, abs=0.01)
    assert over(rgb("#000000"), rgb("#ffffff"), 0.25) == pytest.approx((0.75, 0.75, 0.75))


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("name", ["textColor", "linkColor", "grayTextColor"])
def test_text_can_be_read_on_every_background(light: str, name: str) -> None:
    assert min(contrast(rgb(THEME[light][name]), ground) for ground in grounds(light)) >= TEXT


@pytest.mark.parametrize("light", LIGHTS)
def test_quiet_and_accented_text_can_be_read_too(light: str) -> None:
    share = re.search(r"--quiet: color-mix\(in srgb, currentColor (\d+)%, transparent\)", STYLE)
    assert share
    words = rgb(THEME[light]["textColor"])
    for ground in grounds(light):
        assert contrast(over(words, ground, int(share[1]) / 100), ground) >= TEXT
        assert contrast(accent(light), ground) >= TEXT


@pytest.mark.parametrize("light", LIGHTS)
def test_text_on_buttons_and_in_code_can_be_read(light: str) -> None:
    assert contrast(rgb("#ffffff"), rgb(THEME[light]["primaryColor"])) >= TEXT
    assert contrast(rgb(THEME[light]["codeTextColor"]), rgb(THEME[light]["codeBackgroundColor"])) >= TEXT


@pytest.mark.parametrize("light", LIGHTS)
def test_the_focus_ring_and_buttons_stand_out_from_their_surroundings(light: str) -> None:
    for ground in grounds(light):
        assert contrast(ring(), ground) >= SHAPE
    page = rgb(THEME[light]["backgroundColor"])
    assert contrast(rgb(THEME[light]["primaryColor"]), page) >= SHAPE


def test_the_logo_can_be_seen_in_both_themes() -> None:
    for name in ("mark.svg", "wordmark.svg"):
        drawn = set(re.findall(r"(?:fill|stroke)=\"(#\w+)\"", (PROJECT / "assets" / name).read_text()))
        for light in LIGHTS:
            for part in (THEME[light], THEME[light]["sidebar"]):
                ground = rgb(part["backgroundColor"])
                assert max(contrast(rgb(each), ground) for each in drawn - {"#fdf6ec"}) >= SHAPE
