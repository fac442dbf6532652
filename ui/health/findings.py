"""What is worth a look, each with one click that mends it and one that takes that back. Draws and collects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from memory import Report
from memory.upkeep.bulk_edit import Change
from memory.upkeep.health import Health, ReviewItem, ReviewList
from services import services
from texts import counted, text
from ui import elements, undo_bar
from ui.frame import trouble

__all__ = ["draw"]

SHOWN, TOLD = 20, 5
REPORT = "tidy-report"


def draw(user: User, health: Health) -> None:
    """The findings, what is wrong before what is only unproved; and the way to have all of it put in order."""
    lists = {"stale": health.stale, "unused": health.unused, "unconfirmed": health.unconfirmed}
    if not health.duplicates and not any(each.count for each in lists.values()):
        st.markdown(f"**{text('health.find.nothing.title')}** {text('health.find.nothing.why')}")
    if health.duplicates:
        _twice(user, health)
    for name, finding in lists.items():
        if finding.count:
            with _part(name, finding.count):
                _list(name, finding)
    _tidy(user)


def _part(name: str, count: int) -> Any:
    # By name and not by count: an opened list stays open when it gets shorter.
    part = st.expander(text(f"health.find.{name}.title", count=f"{count:,}"), key=f"find-{name}")
    part.caption(text(f"health.find.{name}.why"))
    return part


def _twice(user: User, health: Health) -> None:
    groups = health.duplicates[:SHOWN]
    with _part("twice", health.copies):
        for group in groups:
            with st.container(border=True):
                for number, each in enumerate(group):
                    word = text("health.find.twice.goes") if number else text("health.find.twice.stays")
                    st.markdown(f"{elements.plain(each['memory'])} :small[:gray[· {word}]]")
        _more(len(groups), len(health.duplicates))
        label = counted("health.find.twice.merge", len(groups))
        if st.button(label, key="merge-shown", type="primary", icon=":material/merge:"):
            with trouble():
                ids = [each["id"] for group in groups for each in group]
                report = services().memory.tidy.merge(user.id, ids)
                if report.changed:
                    undo_bar.offer(counted("health.find.twice.merged", len(report.merged)), report.run)
                st.rerun()


@st.fragment
def _list(name: str, finding: ReviewList) -> None:
    """Boxes to tick, all of them off at first, and what may be done with what is ticked."""
    with trouble():
        user = require_user()
        shown = finding.shown[:SHOWN]
        keys = [_box(name, each) for each in shown]
        every = all(st.session_state.get(key) for key in keys)
        label = text("health.choose.none") if every else text("health.choose.all")
        st.button(label, key=f"every-{name}", type="tertiary", on_click=_tick, args=(keys, not every))
        for each, key in zip(shown, keys, strict=True):
            _row(each, key)
        _more(len(shown), finding.count)
        _do(user, name, [each for each, key in zip(shown, keys, strict=True) if st.session_state.get(key)])


def _row(each: ReviewItem, key: str) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
    memory = elements.plain(each.memory["memory"])
    row.checkbox(text("health.choose.box", memory=memory), key=key, label_visibility="collapsed", width=24)
    with row.container(gap="xxsmall"):
        st.markdown(memory)
        st.caption(text(f"health.reason.{each.reason}", day=_day(each.since, each.reason == "expired")))


def _do(user: User, name: str, chosen: Sequence[ReviewItem]) -> None:
    memory = services().memory
    row = st.container(horizontal=True, vertical_alignment="center")
    ids = [each.memory["id"] for each in chosen]
    # What has a date at which it ends does not hold on because somebody says so.
    lasting = [each.memory["id"] for each in chosen if each.reason != "expired"]
    label, icon = text("health.choose.let_go"), ":material/delete:"
    if row.button(label, key=f"let-go-{name}", type="primary", icon=icon, disabled=not ids):
        _done("let_go_done", lambda: memory.bulk_edit.delete(ids, user_id=user.id))
    label, icon = text("health.choose.holds"), ":material/check:"
    if row.button(label, key=f"holds-{name}", icon=icon, disabled=not lasting):
        _done("holds_done", lambda: memory.recheck.confirm(lasting, user_id=user.id))


def _done(words: str, act: Callable[[], Change]) -> None:
    change = act()
    if change.count:
        undo_bar.offer(counted(f"health.choose.{words}", change.count), change.run)
    else:
        st.toast(text("health.choose.gone_already"))
    st.rerun()


def _tidy(user: User) -> None:
    with st.container(border=True):
        st.markdown(f"**{text('health.tidy.title')}**")
        st.caption(text("health.tidy.why"))
        if report := st.session_state.pop(REPORT, None):
            _report(user, report)
        if st.button(text("health.tidy.run"), key="tidy-up", icon=":material/mop:"):
            with trouble():
                with st.spinner(text("health.tidy.working")):
                    done = services().memory.tidy.run(user.id)
                st.session_state[REPORT] = done
                if done.changed:
                    undo_bar.offer(text("health.tidy.done", told=_told(done)), done.run)
                st.rerun()


def _report(user: User, report: Report) -> None:
    """What a run did; what it would only propose stands in the lists above."""
    lines = [text("health.tidy.done", told=_told(report)) if report.changed else text("health.tidy.nothing")]
    new = [services().memory.get(each.memory_id, user_id=user.id) for each in report.summarised[:TOLD]]
    lines += [text("health.tidy.summary", memory=elements.plain(each["memory"])) for each in new if each]
    lines += [
        text("health.tidy.skipped", times=times, reason=elements.plain(reason))
        for reason, times in report.skipped.items()
    ]
    if report.problem:
        lines.append(text("health.tidy.problem", problem=elements.plain(report.problem)))
    st.info("  \n".join(lines), icon=":material/mop:")


def _told(report: Report) -> str:
    merged, summarised, expired = len(report.merged), len(report.summarised), len(report.expired)
    told = [counted("health.tidy.merged", merged)] if merged else []
    told += [counted("health.tidy.summarised", summarised)] if summarised else []
    told += [counted("health.tidy.expired", expired)] if expired else []
    return ", ".join(told)


def _more(shown: int, count: int) -> None:
    if shown < count:
        st.caption(text("health.shown_of", shown=shown, count=f"{count:,}"))


def _tick(keys: Sequence[str], ticked: bool) -> None:
    for each in keys:
        st.session_state[each] = ticked


def _box(name: str, found: ReviewItem) -> str:
    return f"box-{name}-{found.memory['id']}"


def _day(moment: datetime, whole: bool) -> str:
    """A date that was written as one stays that day in every timezone."""
    return elements.date_of(f"{moment:%Y-%m-%d}" if whole else moment.isoformat())
