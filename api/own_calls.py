"""The calls for what mem0 lacks: changes and undo, questions, receipts, and the profile.

What was known on a past day is asked for with `as_of`, in the calls that search and list (mem0_calls.py).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from api import answer_forms, bodies
from api.calls import Arrived, Call, check_user, scopes_of
from memory.errors import InvalidInput

__all__ = ["OWN_CALLS"]


def _check(call: Arrived) -> None:
    """Check whom the address names: with a person's key, nobody else and no agent."""
    check_user(call.key, call.query.user_id)
    if not call.key.application and scopes_of(call.query.model_dump()):
        raise InvalidInput("This is about a person as a whole: leave agent_id, app_id and run_id out.")


def changes(call: Arrived) -> Any:
    """Return the latest changes of the memories, the newest first."""
    _check(call)
    return {"results": call.app.memory.changes(user_id=call.user_id, limit=call.query.limit)}


def undo(call: Arrived) -> Any:
    """Undo one change, or all changes of a run."""
    return {"results": call.app.memory.undo(call.body.change, user_id=call.user_id)}


def questions(call: Arrived) -> Any:
    """Return the contradictions that wait for an answer."""
    _check(call)
    waiting = call.app.memory.questions.open(call.user_id)
    return {
        "results": [
            {
                "id": each.id,
                "memory_id": each.memory_id,
                "old": each.known,
                "new": each.text,
                "asked_at": each.asked_at.isoformat(),
            }
            for each in waiting
        ]
    }


def answer(call: Arrived) -> Any:
    """Say which of two statements is right."""
    call.app.memory.questions.answer(call.path["question_id"], call.body.answer, user_id=call.user_id)
    return {"message": "Answered."}


def receipts(call: Arrived) -> Any:
    """Return the receipts of the latest replies: the memories that each was given, and what it cost."""
    _check(call)
    return {"results": call.app.exports.receipts(call.user_id, call.query.limit)}


def profile(call: Arrived) -> Any:
    """Return the page about the person, written from what is known now."""
    _check(call)
    page = call.app.memory.profile.refresh(call.user_id)
    updated = page.updated_at.isoformat() if page.updated_at else None
    return {"lines": [asdict(each) for each in page.lines], "text": page.text, "updated_at": updated}


OWN_CALLS = (
    Call(
        "GET",
        "/v1/changes/",
        "The latest changes",
        changes,
        query=bodies.LimitQuery,
        returns=answer_forms.ChangeList,
        of="Keepsake",
    ),
    Call(
        "POST",
        "/v1/undo/",
        "Undo a change or a run",
        undo,
        True,
        bodies.UndoBody,
        returns=answer_forms.ChangeList,
        of="Keepsake",
    ),
    Call(
        "GET",
        "/v1/questions/",
        "Contradictions that wait for an answer",
        questions,
        query=bodies.WhoseQuery,
        returns=answer_forms.OpenQuestions,
        of="Keepsake",
    ),
    Call(
        "POST",
        "/v1/questions/{question_id}/",
        "Say which statement is right",
        answer,
        True,
        bodies.AnswerBody,
        returns=answer_forms.DoneMessage,
        of="Keepsake",
    ),
    Call(
        "GET",
        "/v1/receipts/",
        "Receipts of the latest replies",
        receipts,
        query=bodies.LimitQuery,
        returns=answer_forms.ReplyReceipts,
        of="Keepsake",
    ),
    Call(
        "GET",
        "/v1/profile/",
        "The page about the person",
        profile,
        query=bodies.WhoseQuery,
        returns=answer_forms.ProfilePage,
        of="Keepsake",
    ),
)
