"""Draws recall checks: questions pinned to a memory, and whether recall found the memory when it was asked last."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auth.guard import User
from memory import Result
from memory.upkeep.checks import MAX_QUESTION, SEARCHED, Check, subject
from services import services
from ui import dates, elements
from ui.chat.receipt import memory_markdown
from ui.elements import plural
from ui.frame import show_errors

__all__ = ["count_red", "draw_pin_button", "draw_recall_checks"]

SHORT = 120
# The words for the results of a check.
OUTCOMES = {
    "waiting": "Not run yet",
    "found": "Found, ranked {place}",
    "changed": "Found, ranked {place}, but the memory has changed",
    "missed": "Not found",
    "gone": "The memory was deleted",
}
ICONS = {
    "found": ":green[:material/check_circle:]",
    "changed": ":orange[:material/change_circle:]",
    "missed": ":red[:material/cancel:]",
    "gone": ":red[:material/cancel:]",
}


def draw_pin_button(user: User, memory: Result) -> None:
    """Draw the form that pins a question to a memory; it proposes a question."""
    with st.popover("Add a recall check", icon=":material/push_pin:", key=f"pin-{memory['id']}"):
        st.caption("Add a question that should find this memory. Run all your checks on the Health page.")
        about = subject(memory["memory"])[: MAX_QUESTION // 2]
        proposed = f"What do you know about {about}?" if about else ""
        with st.form(f"pin-form-{memory['id']}-{memory['hash']}", border=False):
            question = st.text_input("Question", value=proposed, max_chars=MAX_QUESTION)
            submitted = st.form_submit_button("Add", icon=":material/push_pin:")
        if submitted:
            with show_errors():
                services().memory.checks.pin(memory["id"], question, user_id=user.id)
                st.success("Added. You find it under Health, Recall checks.", icon=":material/check:")


def count_red(checks: Sequence[Check]) -> int:
    """Return how many checks did not find their memory the last time."""
    return sum(each.outcome is not None and not each.green for each in checks)


def draw_recall_checks(user: User, checks: Sequence[Check]) -> None:
    """Draw all checks with their last results, and the button that runs them."""
    st.caption("Questions that should find a certain memory. Run them after a change to see whether they still do.")
    if not checks:
        st.markdown("No recall checks yet. To add one, open a memory's details on the Memories page.")
        if st.button("Go to Memories", icon=":material/favorite:"):
            st.switch_page("pages/memories.py")
        return
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.markdown(_summary_line(checks), width="content")
    if row.button("Run all", key="run-checks", type="primary", icon=":material/play_arrow:"):
        with show_errors():
            with st.spinner("Asking…"):
                services().memory.checks.run(user_id=user.id)
            st.rerun()
    for check in checks:
        with st.container(border=True):
            _draw_check(user, check)


def _summary_line(checks: Sequence[Check]) -> str:
    green = plural(
        len(checks), "{green} of 1 passed", "{green} of {number} passed", green=sum(each.green for each in checks)
    )
    ran = max((each.ran_at for each in checks if each.ran_at), default=None)
    last = f"Last run on {dates.date_of(ran.isoformat())}" if ran else "Not run yet"
    return f"**{green}** {elements.quiet(f'· {last}')}"


def _draw_check(user: User, check: Check) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
    with row.container(gap="xxsmall"):
        st.markdown(f"{ICONS.get(check.outcome or '', ':material/pending:')} **{elements.escape(check.question)}**")
        outcome = OUTCOMES[check.outcome or "waiting"].format(place=_ordinal(check.place or 0))
        st.caption(f"{outcome} · must find “{elements.escape(elements.shorten(check.pinned_text, SHORT))}”")
    if row.button("Delete this check", key=f"icon-unpin-{check.id}", icon=":material/close:", type="tertiary"):
        with show_errors():
            services().memory.checks.unpin(check.id, user_id=user.id)
            st.toast("Check deleted. The memory stays.")
            st.rerun()
    if check.outcome:
        _draw_reasons(check)
        _draw_scores(user, check)


def _ordinal(number: int) -> str:
    """Return a rank as people write it: 1st, 2nd, 3rd, 4th."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _draw_scores(user: User, check: Check) -> None:
    """Draw the scores, and the button that accepts what the memory says now."""
    why, row = check.why, st.container(horizontal=True, vertical_alignment="center", gap="small")
    if why.get("now") and row.button("Accept the new version", key=f"accept-{check.id}", icon=":material/check:"):
        with show_errors():
            services().memory.checks.accept(check.id, user_id=user.id)
            st.rerun()
    if "score" in why:
        with row.popover("Why", type="tertiary", key=f"behind-check-{check.id}"):
            st.markdown(memory_markdown({"text": check.pinned_text, "score": why["score"], "parts": why.get("parts")}))


def _draw_reasons(check: Check) -> None:
    """Draw why a check has its result."""
    why, lines = check.why, []
    if now := why.get("now"):
        lines.append(f"It now says: {elements.escape(elements.shorten(str(now), SHORT))}")
    if check.outcome == "missed":
        if "best" not in why:
            lines.append("Nothing relevant was found for this question.")
        elif "far" in why:
            lines.append(f"Ranked {_ordinal(why['far'])}, too low to be used in a reply.")
        else:
            lines.append(f"Not among the first {SEARCHED} results.")
    if best := why.get("best"):
        lines.append(f"Found instead: {elements.escape(elements.shorten(str(best['text']), SHORT))}")
    if lines:
        st.markdown("  \n".join(lines))
