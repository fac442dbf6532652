"""Health: how the memories are, what of them is worth a look, and whether recall finds what it must."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import streamlit as st

from auth.guard import require_user
from memory.upkeep.checks import Check
from memory.upkeep.health import Health
from services import services
from texts import counted, text
from ui import elements, undo_bar
from ui.consent import require_consent
from ui.frame import trouble
from ui.health import charts, findings, recall_checks

user = require_user()
home = services()
require_consent(user)

TABS = "health-tab"


def draw() -> None:
    """What was done last, the verdict in one line, and what it rests on."""
    st.title(text("health.title"), anchor=False)
    undo_bar.draw(user)
    health = home.memory.health.read(user_id=user.id)
    checks = home.memory.checks.all(user_id=user.id)
    _verdict(health, checks)
    names = ("overview", "look", "checks", "refused")
    tabs = st.tabs([text(f"health.tab.{name}") for name in names], on_change="rerun", key=TABS)
    parts: tuple[Callable[[], None], ...] = (
        lambda: _overview(health),
        lambda: findings.draw(user, health),
        lambda: recall_checks.draw(user, checks),
        _refused,
    )
    for tab, part in zip(tabs, parts, strict=True):
        if tab.open:
            with tab, trouble():
                part()


def _verdict(health: Health, checks: Sequence[Check]) -> None:
    """One line: how many there are, and what of them should be seen to."""
    if not health.total and not health.stale.count:
        return
    told = ", ".join((counted("health.memories", health.total), counted("health.used", health.recalled)))
    worth = ", ".join(_worth(health, recall_checks.red(checks)))
    if worth:
        st.markdown(f":orange[:material/visibility:] {text('health.verdict.look', told=told, worth=worth)}")
    else:
        st.markdown(f":green[:material/check_circle:] {text('health.verdict.well', told=told)}")


def _worth(health: Health, red: int) -> Iterator[str]:
    if health.copies:
        yield counted("health.copies", health.copies)
    if health.stale.count:
        yield counted("health.stale", health.stale.count)
    if health.unused.count:
        yield counted("health.unused", health.unused.count)
    if red:
        yield counted("health.red", red)


def _overview(health: Health) -> None:
    if health.total:
        charts.draw(health)
        return
    st.markdown(text("health.empty"))
    if st.button(text("health.to_chat"), type="primary", icon=":material/chat:"):
        st.switch_page("pages/chat.py")


def _refused() -> None:
    """What was not kept of what was said, by its reason."""
    refused = home.refusals.of(user.id)
    st.caption(text("health.refused.why") if refused else text("health.refused.none"))
    for each in refused:
        with st.container(border=True):
            reason = elements.plain(each.reason[:1].upper() + each.reason[1:])
            st.markdown(counted("health.refused.times", each.times, reason=reason))
            for said in each.latest:
                st.caption(f"“{elements.plain(said)}”")


with trouble():
    draw()
