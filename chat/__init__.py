"""Chats: what a person says, the reply to it, and the queue of turns that the memory layer learns from.

A turn passes these modules, in this order:

1. ui/chat/composer.py takes what was written and calls `turn.say`.
2. chat/turn.py checks the words, counts them against the limits, and has them saved.
3. chat/attachments.py opens the files that came along.
4. chat/conversations.py saves the message at its place in the chat's tree.
5. chat/reply.py writes the reply in a thread: it recalls memories, asks the model and has the reply saved.
6. chat/tree.py reads what was said up to the message.
7. chat/prompt.py turns history, memories, files and preferences into the model's prompt.
8. chat/queue.py remembers the turn afterwards, in the worker's thread.

The other modules are not part of a turn: chats.py (the list of chats, search and retention), naming.py (a chat's name),
preferences.py, forget_chat.py, export.py, file_sandbox.py, and `python -m chat`, a chat in the terminal.
"""
