"""Chats: what a person says, the reply to it, and the queue of turns that the memory layer learns from.

A turn passes these modules, in this order:

1. ui/chat/composer.py takes what was written and calls `turn.say`.
2. chat/attachments.py opens the files, once turn.py has checked the words.
3. chat/turn.py counts the message against the limits and has it saved.
4. chat/conversations.py saves it at its place in the chat's tree.
5. chat/tree.py reads the history up to the message, when chat/reply.py begins the reply in a thread.
6. chat/prompt.py turns history, recalled memories, files and preferences into the model's prompt.
7. chat/reply.py asks the model, hands the pieces to whoever follows, and has the reply saved.
8. chat/remembering/worker.py remembers the turn afterwards, in a thread of its own.

The other modules are not part of a turn: chats.py (the list of chats, search and retention), naming.py (a chat's name),
preferences.py, export.py, file_sandbox.py, and `python -m chat`, a chat in the terminal.
"""
