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
        "Says the same",
        "The same statement, kept more than once. Merging keeps the first of each and its sources, and the others go.",
    ),
    "stale": (
        "Out of date",
        "Expired, over by now, or untouched for half a year. What still holds can stay; the rest may go.",
    ),
    "unused": (
        "Never used",
        "Kept a month ago or longer, and no answer has needed it since.",
    ),
    "unconfirmed": (
        "Used, and never said again",
        "Answers rest on these, and you have not confirmed them for three months. This is not wrong, only unproved.",
    ),
}
# Why a memory is listed.
REASONS = {
    "expired": "expired on {day}",
    "past": "over since {day}",
    "untouched": "not used or confirmed since {day}",
    "unused": "kept or confirmed on {day}, never used",
    "unconfirmed": "last said on {day}",
}


def draw_charts(health: Health) -> None:
    """Draw the charts, the simplest first."""
    _draw_use(health)
    _draw_kinds(health)
    if len(health.months) > 1:
        _draw_month_chart(health)


def _draw_use(health: Health) -> None:
    unused = health.total - health.recalled
    parts = (("used in answers", health.recalled), ("never used", unused))
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
    alt = f"A bar in two parts: {health.recalled} of {health.total} memories were used in an answer, {unused} never."
    _draw_chart("How much of it is used", spec, SLIM, alt)


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
    _draw_chart("What it is about", spec, FLAT + 30 * len(names), f"Bars by kind: {listed}.")


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
    _draw_chart("When it was kept", spec, TALL, alt)


def _draw_chart(title: str, spec: dict[str, Any], height: int, alt: str) -> None:
    st.markdown(f"**{title}**")
    ink = {"color": INK["dark" if st.context.theme.type == "dark" else "light"]}
    for part in ("legend", "xAxis", "yAxis"):
        if part in spec:
            spec[part] |= {"textStyle": ink} if part == "legend" else {"axisLabel": ink}
    st.echarts_chart({**spec, "animation": False, "color": COLOURS}, height=height, alt=alt, renderer="svg")


def draw_findings(user: User, health: Health) -> None:
    """Draw the findings, wrong memories before unproved ones, and the button that tidies everything."""
    lists = {"stale": health.stale, "unused": health.unused, "unconfirmed": health.unconfirmed}
    if not health.duplicates and not any(each.count for each in lists.values()):
        st.markdown("**Nothing needs a look.** No memory stands twice, is out of date, or was kept for nothing.")
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
                    word = "goes" if number else "stays"
                    st.markdown(f"{elements.escape(memory['memory'])} {elements.quiet(f'· {word}')}")
        _draw_shown_of(len(groups), len(health.duplicates))
        label = plural(len(groups), "Merge this one", "Merge these {number}")
        if st.button(label, key="merge-shown", type="primary", icon=":material/merge:"):
            with show_errors():
                ids = [each["id"] for group in groups for each in group]
                report = services().memory.tidy.merge(user.id, ids)
                if report.changed:
                    undo_bar.offer_undo(
                        plural(
                            len(report.merged),
                            "Merged: 1 memory stands for those that said the same",
                            "Merged: {number} memories stand for those that said the same",
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
        label = "Choose none" if every else "Choose all"
        st.button(label, key=f"every-{name}", type="tertiary", on_click=elements.tick, args=(keys, not every))
        for item, key in zip(shown, keys, strict=True):
            _draw_review_row(item, key)
        _draw_shown_of(len(shown), finding.count)
        _draw_buttons(user, name, [each for each, key in zip(shown, keys, strict=True) if st.session_state.get(key)])


def _draw_review_row(item: ReviewItem, key: str) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
    memory = elements.escape(item.memory["memory"])
    row.checkbox(f"Choose: {memory}", key=key, label_visibility="collapsed", width=24)
    with row.container(gap="xxsmall"):
        st.markdown(memory)
        st.caption(REASONS[item.reason].format(day=_day_of(item.since, item.reason == "expired")))


def _draw_buttons(user: User, name: str, chosen: Sequence[ReviewItem]) -> None:
    memory = services().memory
    row = st.container(horizontal=True, vertical_alignment="center")
    ids = [each.memory["id"] for each in chosen]
    # A memory that expires at a date of its own cannot be confirmed beyond it.
    lasting = [each.memory["id"] for each in chosen if each.reason != "expired"]
    label, icon = "Let go", ":material/delete:"
    if row.button(label, key=f"let-go-{name}", type="primary", icon=icon, disabled=not ids):
        _finish(memory.bulk_edit.delete(ids, user_id=user.id), "Let go")
    label, icon = "Still true", ":material/check:"
    if row.button(label, key=f"holds-{name}", icon=icon, disabled=not lasting):
        _finish(memory.recheck.confirm(lasting, user_id=user.id), "Confirmed")


def _finish(change: Change, done: str) -> None:
    if change.count:
        undo_bar.offer_undo(plural(change.count, f"{done}: 1 memory", f"{done}: {{number}} memories"), change.run)
    else:
        st.toast("They were forgotten already.")
    st.rerun()


def _draw_tidy(user: User) -> None:
    with st.container(border=True):
        st.markdown("**Tidy up everything**")
        st.caption(
            "Takes away what has expired, merges what says the same and, where a model is connected, "
            "writes one statement for many about one thing. You see afterwards what was done, and "
            "one click takes all of it back."
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
    lines = [f"Tidied up: {_tidy_summary(report)}" if report.changed else "All was in order: nothing was changed."]
    new = [services().memory.get(each.memory_id, user_id=user.id) for each in report.summarised[:MAX_SUMMARIES]]
    lines += [f"Now one statement: {each['memory']}" for each in new if each]
    lines += [f"Left as it is, {times}×: {reason}" for reason, times in report.skipped.items()]
    if report.problem:
        lines.append(f"The model's part is not finished: {report.problem}")
    st.info("  \n".join(map(elements.escape, lines)), icon=":material/mop:")


def _tidy_summary(report: Report) -> str:
    merged, summarised, expired = len(report.merged), len(report.summarised), len(report.expired)
    parts = [plural(merged, "1 merged", "{number} merged")] if merged else []
    parts += [plural(summarised, "1 statement for several", "{number} statements for several")] if summarised else []
    parts += [plural(expired, "1 expired", "{number} expired")] if expired else []
    return ", ".join(parts)


def _draw_shown_of(shown: int, count: int) -> None:
    if shown < count:
        st.caption(f"The first {shown} of {count:,}; the others come when these are done.")


def _box_key(name: str, item: ReviewItem) -> str:
    return f"box-{name}-{item.memory['id']}"


def _day_of(moment: datetime, whole: bool) -> str:
    """Return the day of a time; a `whole` day is the same date in every timezone."""
    return dates.date_of(f"{moment:%Y-%m-%d}" if whole else moment.isoformat())
