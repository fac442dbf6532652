"""Whether a turn may read memories: off for the person is off in every chat. Pure.

Whether it is remembered is settled as its message is saved, by the same rule, in conversations.py.
"""

from __future__ import annotations

from chat.preferences import Preferences

__all__ = ["may_read"]


def may_read(preferences: Preferences, *, in_this_chat: bool = True) -> bool:
    """Whether a reply may be told what is remembered."""
    return preferences.reads_memory and in_this_chat
