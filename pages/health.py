"""The health page: figures about the memories, what needs attention, recall checks, and what was not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import streamlit as st

from auth.guard import require_user
from chat.remembering.queue import Stuck
from memory.imports.queue import ImportProgress
from memory.upkeep.checks import Check
from memory.upkeep.health import Health
from services import services
from ui import elements, undo_bar
from ui.chat.learned import try_again
from ui.consent import require_consent
from ui.elements import plural
from ui.frame import show_errors
from ui.health import findings, recall_checks
from ui.sidebar import draw_sidebar

user = require_user()
app = services()
require_consent(user)

TABS = "health-tab"


def draw_page() -> None:
    """Draw the undo bar, the verdict in one line, and the tab that is open."""
    turns, imported, checks = draw_sidebar(user, "health")
    st.title("Memory health", anchor=False)
    undo_bar.draw_undo_bar(user)
    health = app.memory.health.read(user_id=user.id)
    _draw_verdict(health, checks)
    _draw_stuck(turns, imported)
    parts: dict[str, Callable[[], None]] = {
        "Overview": lambda: _draw_overview(health),
        "Needs attention": lambda: findings.draw_findings(user, health, recall_checks.count_red(checks)),
        "Recall checks": lambda: recall_checks.draw_recall_checks(user, checks),
        "Not stored": _draw_refused,
    }
    elements.draw_tabs(parts, TABS)


def _draw_stuck(turns: Stuck, imported: ImportProgress) -> None:
    """Draw how many messages could not be remembered so far, why, and the button that tries them again."""
    waiting = turns.waiting + turns.given_up + imported.given_up + (imported.waiting if imported.problem else 0)
    if not waiting:
        return
    told = plural(waiting, "1 message is waiting to be remembered", "{number} messages are waiting to be remembered")
    problem = turns.problem or imported.problem
    reason = f": {str(problem).rstrip('.')}" if problem else ""
    st.warning(elements.escape(f"{told}{reason}."), icon=":material/hourglass:")
    st.button("Try again", key="remember-again", icon=":material/refresh:", on_click=try_again)


def _draw_verdict(health: Health, checks: Sequence[Check]) -> None:
    """Draw one line: how many memories there are, and how many need attention."""
    if not health.total and not health.stale.count:
        return
    totals = ", ".join(
        (
            plural(health.total, "1 memory", "{number} memories"),
            plural(health.recalled, "1 used in replies", "{number} used in replies"),
        )
    )
    findings_text = ", ".join(_attention_needed(health, recall_checks.count_red(checks)))
    if findings_text:
        st.markdown(f":orange[:material/visibility:] {totals}. Needs attention: {findings_text}.")
    else:
        st.markdown(f":green[:material/check_circle:] All good: {totals}.")


def _attention_needed(health: Health, red: int) -> Iterator[str]:
    if health.copies:
        yield plural(health.copies, "1 duplicate", "{number} duplicates")
    if health.stale.count:
        yield plural(health.stale.count, "1 out of date", "{number} out of date")
    if health.unused.count:
        yield plural(
            health.unused.count,
            "1 never used",
            "{number} never used",
        )
    if red:
        yield plural(red, "1 failed recall check", "{number} failed recall checks")


def _draw_overview(health: Health) -> None:
    if health.total:
        findings.draw_charts(health)
        return
    st.markdown("Nothing to show yet. Tell me something about yourself in a chat first.")
    if st.button("Go to chat", type="primary", icon=":material/chat:"):
        st.switch_page("pages/chat.py")


def _draw_refused() -> None:
    """Draw what was said and not kept, by reason."""
    refused = app.refusals.of(user.id)
    if not refused:
        st.caption("Nothing yet. What I decide not to store, such as a password, is listed here with the reason.")
        return
    st.caption(
        "What I did not store from your messages, and why. A memory needs your own words as proof, and secrets "
        "are never stored. Most recent:"
    )
    for refusal in refused:
        with st.container(border=True):
            reason = elements.escape(refusal.reason[:1].upper() + refusal.reason[1:])
            st.markdown(plural(refusal.times, "**{reason}**, once", "**{reason}**, {number} times", reason=reason))
            for said in refusal.latest:
                st.caption(f"“{elements.escape(said)}”")


with show_errors():
    draw_page()
