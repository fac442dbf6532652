"""Draws the charts of the Health page, and what needs attention, each with a button that fixes it and can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from memory import Report
from memory.upkeep.bulk_edit import Change
from memory.upkeep.health import Health, ReviewItem, ReviewList
from services import services
from ui import dates, elements, undo_bar
from ui.elements import plural
from ui.frame import show_errors

__all__ = ["draw_charts", "draw_findings"]

# The names of the kinds of memories, in the plural.
KINDS = {
    "fact": "Facts",
    "preference": "Preferences",
    "goal": "Goals",
    "instruction": "Instructions",
    "event": "Events",
}
SLIM, FLAT, TALL = 78, 40, 220  # heights of the charts
# Distinct in both themes, and for people who see no red.
COLOURS = ["#c0523a", "#c4ad8d"]
# Streamlit's own text colour is too pale for words this small.
INK = {"dark": "#cfc5ba", "light": "#5f554d"}
SHOWN, MAX_SUMMARIES = 20, 5
REPORT = "tidy-report"
# The name of each kind of finding, and what it means.
FINDINGS = {
    "twice": (
        "Duplicates",
        "The same statement, stored more than once. Merging keeps the first one and deletes the others.",
    ),
    "stale": (
        "Out of date",
        "Expired, in the past, or not used for six months. Confirm what is still true, and forget the rest.",
    ),
    "unused": (
        "Never used",
        "Added more than a month ago, and not used in any reply since.",
    ),
    "unconfirmed": (
        "Unconfirmed",
        "Used in replies, but not confirmed for three months.",
    ),
}
# Why a memory is listed.
REASONS = {
    "expired": "expired on {day}",
    "past": "past since {day}",
    "untouched": "not used or confirmed since {day}",
    "unused": "added or confirmed on {day}, never used",
    "unconfirmed": "last confirmed on {day}",
}


def draw_charts(health: Health) -> None:
    """Draw the charts, the simplest first."""
    _draw_use(health)
    _draw_kinds(health)
    if len(health.months) > 1:
        _draw_month_chart(health)


def _draw_use(health: Health) -> None:
    unused = health.total - health.recalled
    parts = (("used in replies", health.recalled), ("never used", unused))
    series = [
        {
            "name": f"{number:,} {name}",
            "type": "bar",
            "stack": "use",
            "data": [number],
            "barWidth": 18,
            "emphasis": {"disabled": True},
        }
        for name, number in parts
    ]
    spec = {
        "grid": {"left": 0, "right": 0, "top": 34, "bottom": 4},
        "legend": {"top": 0, "left": 0, "itemGap": 18},
        "xAxis": {"type": "value", "show": False, "max": health.total},
        "yAxis": {"type": "category", "show": False, "data": [""]},
        "series": series,
    }
    alt = f"A bar in two parts: {health.recalled} of {health.total} memories were used in a reply, {unused} never."
    _draw_chart("How many are used", spec, SLIM, alt)


def _draw_kinds(health: Health) -> None:
    counted = [(KINDS.get(kind, "Others"), number) for kind, number in health.kinds.items()]
    # The axis counts from below.
    names, numbers = [name for name, _ in counted[::-1]], [number for _, number in counted[::-1]]
    spec = {
        "grid": {"left": 0, "right": 40, "top": 4, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "show": False},
        "yAxis": {"type": "category", "data": names, "axisLine": {"show": False}, "axisTick": {"show": False}},
        "series": [{"type": "bar", "data": numbers, "barWidth": 14, "label": {"show": True, "position": "right"}}],
    }
    listed = ", ".join(f"{name} {number:,}" for name, number in counted)
    _draw_chart("Kinds", spec, FLAT + 30 * len(names), f"Bars by kind: {listed}.")


def _draw_month_chart(health: Health) -> None:
    months, numbers = [month for month, _ in health.months], [number for _, number in health.months]
    spec = {
        "grid": {"left": 0, "right": 8, "top": 24, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": months, "axisTick": {"show": False}},
        "yAxis": {"type": "value", "minInterval": 1, "splitNumber": 3},
        "series": [{"type": "bar", "data": numbers, "barMaxWidth": 28}],
    }
    most = max(numbers)
    alt = (
        f"Bars by month from {months[0]} to {months[-1]}: {sum(numbers)} memories, most of them, "
        f"{most}, in {months[numbers.index(most)]}."
    )
    _draw_chart("When they were added", spec, TALL, alt)


def _draw_chart(title: str, spec: dict[str, Any], height: int, alt: str) -> None:
    st.markdown(f"**{title}**")
    ink = {"color": INK["dark" if st.context.theme.type == "dark" else "light"]}
    for part in ("legend", "xAxis", "yAxis"):
        if part in spec:
            spec[part] |= {"textStyle": ink} if part == "legend" else {"axisLabel": ink}
    st.echarts_chart({**spec, "animation": False, "color": COLOURS}, height=height, alt=alt, renderer="svg")


def draw_findings(user: User, health: Health, failed_checks: int) -> None:
    """Draw the findings, wrong memories before unproved ones, and the button that tidies everything."""
    lists = {"stale": health.stale, "unused": health.unused, "unconfirmed": health.unconfirmed}
    if failed_checks:
        told = plural(failed_checks, "1 recall check failed.", "{number} recall checks failed.")
        st.markdown(f":red[:material/cancel:] {told} See the tab *Recall checks*.")
    if not failed_checks and not health.duplicates and not any(each.count for each in lists.values()):
        st.markdown("**Nothing needs attention.** There are no duplicates, and no memory is out of date or unused.")
    if health.duplicates:
        _draw_duplicates(user, health)
    for name, finding in lists.items():
        if finding.count:
            with _draw_finding(name, finding.count):
                _draw_review_list(name, finding)
    _draw_tidy(user)


def _draw_finding(name: str, count: int) -> Any:
    # The key has no count in it, so that an open list stays open when it gets shorter.
    title, why = FINDINGS[name]
    part = st.expander(f"{title} ({count:,})", key=f"find-{name}")
    part.caption(why)
    return part


def _draw_duplicates(user: User, health: Health) -> None:
    groups = health.duplicates[:SHOWN]
    with _draw_finding("twice", health.copies):
        for group in groups:
            with st.container(border=True):
                for number, memory in enumerate(group):
                    word = "will be deleted" if number else "stays"
                    st.markdown(f"{elements.escape(memory['memory'])} {elements.quiet(f'· {word}')}")
        _draw_shown_of(len(groups), len(health.duplicates))
        label = plural(len(groups), "Merge 1 group", "Merge {number} groups")
        if st.button(label, key="merge-shown", type="primary", icon=":material/merge:"):
            with show_errors():
                ids = [each["id"] for group in groups for each in group]
                report = services().memory.tidy.merge(user.id, ids)
                if report.changed:
                    undo_bar.offer_undo(
                        plural(
                            len(report.merged),
                            "Duplicates merged into 1 memory",
                            "Duplicates merged into {number} memories",
                        ),
                        report.run,
                    )
                st.rerun()


@st.fragment
def _draw_review_list(name: str, finding: ReviewList) -> None:
    """Draw a box for each memory, none ticked at first, and the buttons for the ticked ones."""
    with show_errors():
        user = require_user()
        shown = finding.shown[:SHOWN]
        keys = [_box_key(name, each) for each in shown]
        every = all(st.session_state.get(key) for key in keys)
        label = "Select none" if every else "Select all"
        st.button(label, key=f"every-{name}", type="tertiary", on_click=elements.tick, args=(keys, not every))
        for item, key in zip(shown, keys, strict=True):
            _draw_review_row(item, key)
        _draw_shown_of(len(shown), finding.count)
        _draw_buttons(user, name, [each for each, key in zip(shown, keys, strict=True) if st.session_state.get(key)])


def _draw_review_row(item: ReviewItem, key: str) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
    memory = elements.escape(item.memory["memory"])
    row.checkbox(f"Select: {memory}", key=key, label_visibility="collapsed", width=24)
    with row.container(gap="xxsmall"):
        st.markdown(memory)
        st.caption(REASONS[item.reason].format(day=_day_of(item.since, item.reason == "expired")))


def _draw_buttons(user: User, name: str, chosen: Sequence[ReviewItem]) -> None:
    memory = services().memory
    row = st.container(horizontal=True, vertical_alignment="center")
    ids = [each.memory["id"] for each in chosen]
    # A memory that expires at a date of its own cannot be confirmed beyond it.
    lasting = [each.memory["id"] for each in chosen if each.reason != "expired"]
    label, icon = "Forget", ":material/delete:"
    if row.button(label, key=f"let-go-{name}", type="primary", icon=icon, disabled=not ids):
        _finish(memory.bulk_edit.delete(ids, user_id=user.id), "Forgotten")
    label, icon = "Still true", ":material/check:"
    if row.button(label, key=f"holds-{name}", icon=icon, disabled=not lasting):
        _finish(memory.recheck.confirm(lasting, user_id=user.id), "Confirmed")


def _finish(change: Change, done: str) -> None:
    if change.count:
        undo_bar.offer_undo(plural(change.count, f"{done}: 1 memory", f"{done}: {{number}} memories"), change.run)
    else:
        st.toast("Already forgotten.")
    st.rerun()


def _draw_tidy(user: User) -> None:
    with st.container(border=True):
        st.markdown("**Tidy up everything**")
        st.caption(
            "Deletes expired memories, merges duplicates and, with a model connected, combines memories about the "
            "same thing. You see what was done, and can undo all of it."
        )
        if report := st.session_state.pop(REPORT, None):
            _draw_report(user, report)
        if st.button("Tidy up", key="tidy-up", icon=":material/mop:"):
            with show_errors():
                with st.spinner("Tidying up…"):
                    done = services().memory.tidy.run(user.id)
                st.session_state[REPORT] = done
                if done.changed:
                    undo_bar.offer_undo(f"Tidied up: {_tidy_summary(done)}", done.run)
                st.rerun()


def _draw_report(user: User, report: Report) -> None:
    """Draw what tidying did; what it only proposes is in the lists above."""
    lines = [f"Tidied up: {_tidy_summary(report)}" if report.changed else "Nothing to tidy up."]
    new = [services().memory.get(each.memory_id, user_id=user.id) for each in report.summarised[:MAX_SUMMARIES]]
    lines += [f"Combined into: {each['memory']}" for each in new if each]
    lines += [f"Left alone, {times}×: {reason}" for reason, times in report.skipped.items()]
    if report.problem:
        lines.append(f"The model's part did not finish: {report.problem}")
    st.info("  \n".join(map(elements.escape, lines)), icon=":material/mop:")


def _tidy_summary(report: Report) -> str:
    merged, summarised, expired = len(report.merged), len(report.summarised), len(report.expired)
    parts = [plural(merged, "1 merged", "{number} merged")] if merged else []
    parts += [plural(summarised, "1 summary", "{number} summaries")] if summarised else []
    parts += [plural(expired, "1 expired", "{number} expired")] if expired else []
    return ", ".join(parts)


def _draw_shown_of(shown: int, count: int) -> None:
    if shown < count:
        st.caption(f"Showing {shown} of {count:,}. The rest follow when these are done.")


def _box_key(name: str, item: ReviewItem) -> str:
    return f"box-{name}-{item.memory['id']}"


def _day_of(moment: datetime, whole: bool) -> str:
    """Return the day of a time; a `whole` day is the same date in every timezone."""
    return dates.date_of(f"{moment:%Y-%m-%d}" if whole else moment.isoformat())
